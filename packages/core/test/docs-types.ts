/** What an application sees of the error codes: docs.test.ts reads this type. */
import type { ErrorCode } from '@pigeonhole/core';

export type Codes = ErrorCode;
