"""Metadata of the distribution; tool settings are in pyproject.toml, tested versions in constraints.txt."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = next(
    line.split('"')[1]
    for line in (here / "nni_darts" / "version.py").read_text().splitlines()
    if line.startswith("__version__")
)

plot = ["matplotlib>=3.7", "scipy>=1.10"]
test = [*plot, "pytest>=8", "pytest-xdist>=3.5", "hypothesis>=6"]

setup(
    name="nni-darts",
    version=version,
    description="Differentiable architecture search as an NNI experiment: search, select, retrain, export",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(include=["nni_darts*", "search_spaces*"]),
    package_data={
        "nni_darts": ["py.typed", "pipeline/register.yml", "supernet/fused/native/*.[ch]"],
        "search_spaces": ["py.typed"],
    },
    install_requires=[
        "nni==3.0",
        # nnictl imports pkg_resources, which newer setuptools no longer ship, and NNI does not declare it.
        "setuptools<81",
        "torch>=2.4",
        "torchvision>=0.19",
        "pytorch-lightning>=2.4",
        "torchmetrics>=1.4",
        "numpy>=1.24",
        "pandas>=2.0",
        "pydantic>=2.6",
        "pyyaml>=6.0",
        "click>=8.1",
        "pillow>=9.0",
        "requests>=2.28",
        "nvidia-ml-py>=11",
        "safetensors>=0.4",
        "scikit-learn>=1.3",
        "tensorboard>=2.14",
    ],
    extras_require={
        "plot": plot,
        "test": test,
        "dev": [*test, "ruff>=0.6", "mypy>=1.11", "types-PyYAML", "types-requests", "pandas-stubs"],
    },
    entry_points={"console_scripts": ["nni-darts = nni_darts.cli:main"]},
)
