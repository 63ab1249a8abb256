"""The plugins that come with Playhall."""
