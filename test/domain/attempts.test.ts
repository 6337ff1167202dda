import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffAfter, exhausted, stabilityAfter, submissionRunId } from '../../domain/attempts.js';
import { hashText } from '../../domain/hash128.js';
import { STRICT } from '../../domain/policy.js';

describe('attempts', () => {
  test.each([
    [0, 0, true],
    [1, 1, true],
    [2, 3, false],
    [3, 3, true],
    [99, null, false],
  ])('after %i failed of %s granted: exhausted is %s', (failed, granted, expected) => {
    expect(exhausted(failed, granted)).toBe(expected);
  });

  test('ten attempts of the default policy last about an hour and a half', () => {
    const waits = Array.from({ length: 9 }, (_, i) => backoffAfter(i + 1, STRICT.backoff, 0.5));
    const minutes = waits.reduce((a, b) => a + b, 0) / 60_000;
    expect(minutes).toBeGreaterThan(75);
    expect(minutes).toBeLessThan(120);
  });

  test('no wait is shorter than the initial one, or longer than the longest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (k, random) => {
          const wait = backoffAfter(k, STRICT.backoff, random);
          expect(wait).toBeGreaterThanOrEqual(STRICT.backoff.initial);
          expect(wait).toBeLessThanOrEqual(STRICT.backoff.max);
        },
      ),
    );
  });

  test('each early wake that failed doubles what counts as stable', () => {
    expect([0, 1, 2, 3].map((n) => stabilityAfter(n, STRICT))).toEqual([2_000, 4_000, 8_000, 16_000]);
  });

  test('the same submission has the same run id, another one another', () => {
    expect(submissionRunId('origin', 1)).toBe(submissionRunId('origin', 1));
    expect(submissionRunId('origin', 1)).not.toBe(submissionRunId('origin', 2));
    expect(submissionRunId('origin', 1)).toMatch(/^[0-9a-f]{32}$/);
  });

  test("the hash is MurmurHash3 x64 128 as Flink prints it: a uid gives its operator's id", () => {
    expect(hashText('kafka-source')).toBe('61252f73469d3ffba207c548d29a0267');
    expect(hashText('')).toBe('00000000000000000000000000000000');
  });
});
