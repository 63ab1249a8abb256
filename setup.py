"""What setup.cfg cannot say: two folders are installed under a package of ours, so that no general name is taken."""

from setuptools import find_packages, setup

MAPPED = {"playhall.ci": "ci", "app.migrations": "migrations"}

setup(
    package_dir=MAPPED,
    packages=[
        *find_packages(include=["app", "app.*", "playhall", "playhall.*"]),
        *MAPPED,
        *(f"{package}.{inner}" for package, folder in MAPPED.items() for inner in find_packages(folder)),
    ],
)
