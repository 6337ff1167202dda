import { describe, expect, test } from 'vitest';
import type { Phase } from '../../domain/case.js';
import { noticeOfCase, type NoticedCase } from '../../domain/case-notice.js';
import type { Question } from '../../domain/desk.js';
import { fault } from '../../domain/failure.js';
import { RUN_A } from '../support/evidence.js';

const question: Question = {
  id: '1-abc',
  about: 'fallback',
  text: 'the newest point is broken; restore chk-6?',
  approves: 'restore chk-6',
  choices: [],
  askedAt: 1,
  expiresAt: 2,
  facts: [],
};
const of = (phase: Phase, change: Partial<NoticedCase> = {}): NoticedCase => ({
  job: 'window-counts',
  cluster: 'counts',
  workflowId: 'recover/counts/window-counts',
  origin: 'o',
  phase,
  failed: 3,
  because: fault('AttemptsExhausted', 'attempt 3 of 3 failed'),
  question,
  restored: { point: 'hdfs://nn/chk-7', run: RUN_A, submittedAt: 1, provedAt: 2, proofs: [] },
  situation: { is: 'healthy', because: 'all 4 tasks run' },
  firstAlert: 'run a is FAILED',
  told: [],
  at: 5,
  ...change,
});

const rows: readonly [phase: Phase, kind: string, severity: string, state: string, summary: string][] = [
  ['opening', 'CaseOpened', 'warning', 'raised', 'a case is open: run a is FAILED'],
  ['asking', 'CaseAsks', 'critical', 'raised', 'question 1-abc: the newest point is broken; restore chk-6?'],
  [
    'aborted',
    'CaseAborted',
    'critical',
    'raised',
    'the recovery is aborted after 3 failed attempts: AttemptsExhausted: attempt 3 of 3 failed',
  ],
  ['resumed', 'CaseResumed', 'warning', 'over', `run ${RUN_A} is proved: it restored hdfs://nn/chk-7`],
  [
    'resumed with a gap',
    'CaseResumedWithGap',
    'critical',
    'raised',
    `run ${RUN_A} restored hdfs://nn/chk-7 and runs, but records were skipped: attempt 3 of 3 failed`,
  ],
  ['closed', 'CaseOver', 'warning', 'over', 'the case is over: healthy, all 4 tasks run'],
];
test.each(rows)('%s: people are told %s', (phase, kind, severity, state, summary) => {
  expect(noticeOfCase(of(phase))).toMatchObject({ kind, severity, state, summary });
});

test.each<Phase>(['assessing', 'waiting', 'restoring', 'confirming', 'held'])(
  '%s: nobody is woken',
  (phase) => {
    expect(noticeOfCase(of(phase))).toBeNull();
  },
);

describe('each occasion is told once', () => {
  test('the same question, asked again after its time, is not told again', () => {
    const first = noticeOfCase(of('asking'));
    expect(noticeOfCase(of('asking', { told: [first?.key ?? ''] }))).toBeNull();
    const other = of('asking', { told: [first?.key ?? ''], question: { ...question, id: '2-def' } });
    expect(noticeOfCase(other)?.key).toBe('case/o/asks/2-def');
  });
  test('the second abort, after a resume, is told', () => {
    const first = noticeOfCase(of('aborted'));
    expect(noticeOfCase(of('aborted', { told: [first?.key ?? ''], failed: 6 }))).not.toBeNull();
  });
  test('what is over ends everything that was told', () => {
    const told = ['case/o/opened', 'case/o/asks/1-abc'];
    expect(noticeOfCase(of('resumed', { told }))?.ends).toEqual(told);
    expect(noticeOfCase(of('asking', { told: [] }))?.ends).toEqual([]);
  });
});
