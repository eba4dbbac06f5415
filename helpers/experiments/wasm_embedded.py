"""A WebAssembly module run inside this very process, by wasmtime: what each step takes.

Sources: https://bytecodealliance.github.io/wasmtime-py/ and
https://docs.wasmtime.dev/examples-fast-instantiation.html
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from helpers.errors import BadInput, WorkbookError
from helpers.experiments.start_time import StartTimes


class ModuleFailed(WorkbookError):
    """A module could not be compiled, linked or run."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a module in an instance of its own.

    Attributes:
        exit_code: what it ended with.
        out: its standard output.
        err: its standard error.
    """

    exit_code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Given:
    """What a host gives a module. Nothing, where nothing is said.

    Attributes:
        env: environment, as pairs.
        folders: paths on this machine, each with its name inside, read-only.
        most_memory: bytes of linear memory; None for what WebAssembly allows (4 GiB).
    """

    env: tuple[tuple[str, str], ...] = ()
    folders: tuple[tuple[str, str], ...] = ()
    most_memory: int | None = None


NOTHING = Given()


class Embedded:
    """A module that is compiled once and instantiated as often as it is wanted.

    Args:
        wasm: the module.

    Raises:
        BadInput: where the package ``wasmtime`` is not installed.
        ModuleFailed: where it is no module that can be compiled.
    """

    def __init__(self, wasm: bytes) -> None:
        self._api = _wasmtime()
        self.engine: Any = self._api.Engine()
        try:
            self._module: Any = self._api.Module(self.engine, wasm)
        except self._api.WasmtimeError as error:
            raise ModuleFailed(str(error), remedy="Compile it for wasm32-wasip1.") from error
        self._linker: Any = self._api.Linker(self.engine)
        self._linker.define_wasi()

    @property
    def imports(self) -> tuple[str, ...]:
        """Everything that it asks its host for, sorted."""
        return tuple(sorted(f"{i.module}.{i.name}" for i in self._module.imports))

    def run(self, args: Sequence[str] = (), given: Given = NOTHING) -> Run:
        """Run it in a new instance, from `_start` to its end.

        Raises:
            ModuleFailed: where it wants what the host does not have, or traps.
        """
        # Through files: a callback would be called by threads that outlive the interpreter.
        with tempfile.TemporaryDirectory(prefix="workbook-") as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            code, _ = self._run(self._store(args, given, (out, err)))
            printed = [p.read_text("utf-8", "replace") for p in (out, err)]
        return Run(code, *printed)

    def kept(self, args: Sequence[str]) -> tuple[Any, Any]:
        """An instance that has run to its end, and its store: its memory stays while they do.

        What it prints is dropped.

        Raises:
            ModuleFailed: as :meth:`run`.
        """
        store = self._store(args, NOTHING, None)
        return store, self._run(store)[1]

    def _run(self, store: Any) -> tuple[int, Any]:
        """Exit code and instance."""
        instance = None
        try:
            instance = self._linker.instantiate(store, self._module)
            instance.exports(store)["_start"](store)
        except self._api.ExitTrap as ended:
            return ended.code, instance
        except (self._api.WasmtimeError, self._api.Trap) as error:
            raise ModuleFailed(str(error).splitlines()[0], remedy="See what it imports.") from error
        return 0, instance

    def _prepared(self) -> Any:
        """The module with its imports resolved: what is the same for all instances."""
        return self._linker.instantiate_pre(self._module)

    def _store(self, args: Sequence[str], given: Given, printed: tuple[Path, Path] | None) -> Any:
        wasi = self._api.WasiConfig()
        wasi.argv = ["module.wasm", *args]
        wasi.env = given.env
        if printed is not None:
            wasi.stdout_file, wasi.stderr_file = (str(path) for path in printed)
        for path, name in given.folders:
            wasi.preopen_dir(path, name, False)
        store = self._api.Store(self.engine)
        store.set_wasi(wasi)
        if given.most_memory is not None:
            store.set_limits(memory_size=given.most_memory)
        return store


def embedded_times(
    wasm: bytes, args: Sequence[str], *, cold: int = 5, warm: int = 500
) -> tuple[StartTimes, StartTimes, StartTimes, StartTimes]:
    """What each step of a start takes, in this process.

    Args:
        wasm: the module.
        args: for its runs.
        cold: how often it is compiled, and loaded as machine code.
        warm: how often it is instantiated, and run; each after ten that do not count.

    Returns:
        Compiling; loading what was compiled before; instantiating; instantiating and running to
        the end. Each with one time a run.

    Raises:
        BadInput, ModuleFailed: as :class:`Embedded`.
    """
    api = _wasmtime()
    module = Embedded(wasm)
    engine = module.engine
    code = api.Module(engine, wasm).serialize()
    prepared = module._prepared()  # noqa: SLF001 - ours
    stores = iter([_bare_store(api, engine) for _ in range(warm + 10)])
    steps: tuple[tuple[str, int, Callable[[], object]], ...] = (
        ("compile", cold, lambda: api.Module(engine, wasm)),
        ("load compiled code", cold, lambda: api.Module.deserialize(engine, code)),
        ("instantiate", warm, lambda: prepared.instantiate(next(stores))),
        ("instantiate and run", warm, lambda: module.kept(args)),
    )
    measured = [StartTimes(label, _times(step, runs)) for label, runs, step in steps]
    compiled, loaded, instantiated, ran = measured
    return compiled, loaded, instantiated, ran


def _bare_store(api: ModuleType, engine: Any) -> Any:
    store = api.Store(engine)
    store.set_wasi(api.WasiConfig())
    return store


def _times(step: Callable[[], object], runs: int) -> tuple[float, ...]:
    """Seconds of each run; what a run made is dropped after its time was taken."""
    for _ in range(10 if runs > 10 else 1):
        step()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        made = step()
        seconds.append(time.perf_counter() - began)
        del made
    return tuple(seconds)


def _wasmtime() -> ModuleType:
    """Imported when it is wanted: everything else of the course works without it."""
    try:
        import wasmtime
    except ImportError as error:
        raise BadInput(
            f"The package wasmtime cannot be used here: {error}.",
            remedy="Run `make lab` again, which installs what the lock file names.",
        ) from error
    return wasmtime
