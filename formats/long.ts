/**
 * A Java `long`. A number while it is a safe integer (|v| < 2^53), a bigint beyond: almost every 64-bit value in
 * Flink's files is small, and a bigint for each would cost more than reading the file.
 */
export type Long = number | bigint;

/** The one representation of a 64-bit value. */
export function long(value: bigint): Long {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** Sum with Java's overflow: the result wraps at 64 bits. */
export function addLong(a: Long, b: Long): Long {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return long(BigInt.asIntN(64, BigInt(a) + BigInt(b)));
}

export const maxLong = (a: Long, b: Long): Long => (a >= b ? a : b);

/** Order of two longs, for sorting. */
export const compareLong = (a: Long, b: Long): number => (a < b ? -1 : a > b ? 1 : 0);

/** A number while it is safe, a decimal string beyond: how longs stand in JSON. */
export const longToJson = (value: Long): number | string =>
  typeof value === 'number' ? value : value.toString();
