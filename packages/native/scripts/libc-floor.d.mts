/** Writes `folder/libc.so` for the compiler `cxx`; false where the C library has no versions (musl). */
export function writeLibcFloor(folder: string, cxx: string): boolean;
