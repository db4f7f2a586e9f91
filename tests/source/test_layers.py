"""Imports go one way: the core never knows fastlb, and every layer knows only those to its left."""

from __future__ import annotations

from .tree import (
    CORE,
    CORE_LAYERS,
    PYTHON,
    PYTHON_LAYERS,
    ROOT,
    core_files,
    core_imports,
    layer_of,
    python_files,
    python_imports,
)


def wrong_way(layers: tuple[str, ...], own: str, imported: str) -> bool:
    return own in layers and imported in layers and layers.index(imported) > layers.index(own)


def test_core_imports_only_leftwards():
    wrong = []
    for path in core_files():
        own = path.relative_to(CORE).parts[0]
        for name in core_imports(path):
            if name.split(".")[0] == "fastlb" or wrong_way(CORE_LAYERS, own, layer_of(name, "fastlb_core")):
                wrong.append(f"{path.relative_to(CORE)} imports {name}")
    assert wrong == []


def test_python_imports_only_leftwards():
    wrong = []
    for path in python_files():
        own = path.relative_to(PYTHON).parts[0]
        wrong += [
            f"{path.relative_to(PYTHON)} imports {name}"
            for name in python_imports(path)
            if wrong_way(PYTHON_LAYERS, own, layer_of(name, "fastlb"))
        ]
    assert wrong == []


def test_python_reaches_the_core_through_the_bridge_only():
    wrong = [
        f"{path.relative_to(PYTHON)} imports {name}"
        for path in python_files()
        for name in python_imports(path)
        if layer_of(name, "fastlb_core") not in ("", "bridge")
    ]
    assert wrong == []


def test_configuration_needs_no_compiled_module():
    for path in python_files():
        if path.relative_to(PYTHON).parts[0] == "config":
            assert not any(name.startswith("fastlb_core") for name in python_imports(path)), path


def test_deployment_is_texts_and_files_only():
    for path in python_files():
        if path.relative_to(PYTHON).parts[0] == "deploy":
            assert {layer_of(name, "fastlb") for name in python_imports(path)} <= {"", "deploy"}, path


def test_every_core_directory_is_a_known_layer():
    assert {path.name for path in CORE.iterdir() if path.is_dir() and path.name != "__pycache__"} <= set(CORE_LAYERS)


def test_no_star_imports_and_no_textual_include():
    for path in [*python_files(), *core_files()]:
        for line in path.read_text().splitlines():
            assert "import *" not in line, f"{path.relative_to(ROOT)}: {line}"
            assert not line.startswith("include "), f"{path.relative_to(ROOT)}: {line}"
