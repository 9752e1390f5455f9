"""What pyproject.toml cannot say: jobs/ and conf/ are folders of the package in a wheel."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["ymr_spark*"]), "ymr_spark.jobs", "ymr_spark.conf"],
    package_dir={"ymr_spark.jobs": "jobs", "ymr_spark.conf": "conf"},
)
