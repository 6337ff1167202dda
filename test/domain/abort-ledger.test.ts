import { expect, test } from 'vitest';
import { abortLedger, type AbortLedger } from '../../domain/abort-ledger.js';
import type { AttemptRecord } from '../../domain/case.js';
import { fault } from '../../domain/failure.js';

const failed = (attempt: number, message: string): AttemptRecord => ({
  attempt,
  started: 1,
  ended: 2,
  step: 'readState',
  fault: fault('StorageUnavailable', message),
});
const ledger = (failures: readonly AttemptRecord[], path = 'hdfs://nn/chk-1'): AbortLedger => ({
  job: 'counts',
  cluster: 'c',
  openedAt: 1,
  attempt: 3,
  attempts: 3,
  failures,
  ladder: Array.from({ length: 10 }, (_, i) => ({
    path: `${path}${i}`,
    id: String(i),
    kind: 'checkpoint',
    sources: ['directory'],
    verdict: 'unknown',
    because: 'x'.repeat(300),
  })),
  restored: null,
  repairs: [],
  timeLeft: [],
  because: fault('AttemptsExhausted', 'attempt 3 of 3 failed'),
  closed: { by: 'ada', reason: 'r' },
  submitted: [],
  openSubmission: null,
  next: 'holdfast recover counts --reason …',
});

test('a short ledger is kept whole', () => {
  const short = ledger([failed(1, 'a'), failed(2, 'b')]);
  expect(abortLedger(short)).toEqual(short);
});

test('a long one has at most 32 KB, and keeps the newest failure, the top of the ladder and the reason', () => {
  const long = ledger(
    Array.from({ length: 20 }, (_, i) => failed(i + 1, 'ä'.repeat(3_000))),
    'hdfs://nn/ü'.repeat(200),
  );
  const cut = abortLedger(long);
  expect(Buffer.byteLength(JSON.stringify(cut))).toBeLessThanOrEqual(32 * 1024);
  expect(cut.failures.at(-1)?.attempt).toBe(20);
  expect(cut.ladder[0]).toEqual(long.ladder[0]);
  expect(cut.because).toEqual(long.because);
});
