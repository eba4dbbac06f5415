"""Small WebAssembly files as bytes, and the parts that others are put together from."""

from __future__ import annotations

# (module (import "wasi_snapshot_preview1" "fd_write" …) (import … "proc_exit" …)
#   (memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\0a")
#   (func (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1)
#     (i32.const 100))))), as wat2wasm of the package wasmtime makes it: prints hello.
HELLO = bytes.fromhex(
    "0061736d0100000001100360047f7f7f7f017f60017f0060000002460216776173695f736e617073686f745f7072"
    "6576696577310866645f7772697465000016776173695f736e617073686f745f70726576696577310970726f635f"
    "657869740001030201020503010001071302066d656d6f72790200065f737461727400020a10010e004101410041"
    "0141e40010001a0b0b14010041000b0e080000000600000068656c6c6f0a000e046e616d65010702000177010178"
)
# (component (import "wasi:cli/environment@0.2.0" …) (import "fermyon:spin/key-value@2.0.0" …)
#   (import "plain" (func)) (core module … (memory 2) (@custom ".debug_info" "abcdef")) …
#   (export "run" …)), by the same.
COMPONENT = bytes.fromhex(
    "0061736d0d000100071d014203017073014000000004000d6765742d617267756d656e747301010a1f01001a7761"
    "73693a636c692f656e7669726f6e6d656e7440302e322e30050007030142000a2101001c6665726d796f6e3a7370"
    "696e2f6b65792d76616c756540322e302e300501070501400001000a0a010005706c61696e010201430061736d01"
    "000000010401600000030201000503010002070501016600000a040102000b00120b2e64656275675f696e666f61"
    "62636465660009046e616d650002016d0204010000000705014000010006070100000100016608060100000000030b"
    "0901000372756e01010000260e636f6d706f6e656e742d6e616d65010600110100016d0106001201000169010501"
    "01010166"
)


def leb(number: int) -> bytes:
    """An unsigned LEB128."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + leb(len(content)) + content


def custom(name: bytes, content: bytes) -> bytes:
    return section(0, leb(len(name)) + name + content)


def module(*sections: bytes) -> bytes:
    return b"\0asm\x01\0\0\0" + b"".join(sections)
