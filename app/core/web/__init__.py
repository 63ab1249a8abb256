"""HTTP beneath the routes: the WSGI edge, reading and writing, errors, the OpenAPI document, the pages at /docs."""
