import type { Fault } from './failure.js';

/**
 * The answer of one look at the outside. There are three, not two: what could not be looked at is not absent.
 * Taking `unknown` for `absent` is the mistake this project exists to prevent.
 */
export type Reading<T> =
  | { readonly is: 'present'; readonly value: T }
  | { readonly is: 'absent' }
  | { readonly is: 'unknown'; readonly because: Fault };

export const present = <T>(value: T): Reading<T> => ({ is: 'present', value });
export const absent: Reading<never> = { is: 'absent' };
export const unknown = (because: Fault): Reading<never> => ({ is: 'unknown', because });

/** Applies `f` to what is present; absent and unknown stay what they are. */
export function mapReading<T, U>(reading: Reading<T>, f: (value: T) => U): Reading<U> {
  return reading.is === 'present' ? present(f(reading.value)) : reading;
}
