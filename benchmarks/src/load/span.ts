/** Sequence numbers are carried modulo this, so that message ten and message ten million have the same size. */
export const SPAN = 50_000;
