/**
 * Promise 9 on every course that a case can take: each recorded history folds into a complete case file, in which every
 * step belongs to a decision or a wait, and every decision, made again, is the one that was taken.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, test } from 'vitest';
import { caseFile, type CaseFile } from '../../client/case-file.js';
import { RUN_A } from '../support/evidence.js';
import { casesIn, recordedCourses } from './recorded.js';
import { truncations } from './replayed.js';

type HistoryEvent = NonNullable<History['events']>[number];

const cases = recordedCourses().flatMap((course) =>
  casesIn(course).map((histories, i): [string, readonly History[]] => [
    i === 0 ? course : `${course} (${i + 1})`,
    histories,
  ]),
);

const decisionsOf = (file: CaseFile) => file.story.flatMap((e) => (e.is === 'pass' ? e.decisions : []));
const stepsOf = (file: CaseFile) => [
  ...(file.opened?.steps ?? []),
  ...decisionsOf(file).flatMap((d) => d.steps),
  ...file.story.flatMap((e) => (e.is === 'wait' ? e.steps : [])),
];
const scheduledIn = (histories: readonly History[]) =>
  histories
    .flatMap((h) => h.events ?? [])
    .flatMap((e) => e.activityTaskScheduledEventAttributes?.activityType?.name ?? []);

/** The workflow's own count, as it was published with its memo. */
const failedAsTold = (event: HistoryEvent): readonly number[] => {
  const told = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields?.['failed'];
  return told ? [defaultPayloadConverter.fromPayload<number>(told)] : [];
};

/** Nothing that contradicts, wherever the history ends. */
function explained(file: CaseFile): void {
  expect(decisionsOf(file).filter((d) => d.taken === 'differs')).toEqual([]);
  expect(decisionsOf(file).filter((d) => d.what === '' || d.because === '')).toEqual([]);
  expect(file.unknownEvents).toEqual({});
}

test('there are recorded courses to fold', () => {
  expect(cases.length).toBeGreaterThan(45);
});

describe.each(cases)('%s', (_, histories) => {
  const file = caseFile(histories);

  test('is complete and explained', () => {
    explained(file);
    expect(file.missing).toEqual([]);
    expect(file.policy).not.toBeNull();
    expect(file.executions).toHaveLength(histories.length);
    expect(file.state.because).not.toBe('');
  });

  test('shows each step that was taken, where it belongs', () => {
    const shown = stepsOf(file).filter((s) => s.name !== 'openCase');
    const scheduled = scheduledIn(histories);
    expect(shown.map((s) => s.name).sort()).toEqual(scheduled.filter((n) => n !== 'notify').sort());
    expect(file.notices).toHaveLength(scheduled.filter((n) => n === 'notify').length);
    for (const s of shown) expect(s.found, s.name).not.toBe('');
    const lasting = file.state.is === 'open' ? file.story.filter((e) => e.is === 'wait' && e.to === null) : [];
    const unanswered = shown.filter((s) => s.answer === 'none yet');
    if (file.state.is === 'open' && lasting.length === 0) return;
    for (const s of unanswered) expect(lasting.flatMap((w) => (w.is === 'wait' ? w.steps : []))).toContain(s);
  });

  test('says what became of each decision, and what ended each pass and wait', () => {
    const open = decisionsOf(file).filter((d) => d.taken === 'open');
    expect(open).toEqual(file.state.is === 'open' ? decisionsOf(file).slice(decisionsOf(file).length - open.length) : []);
    expect(open.length).toBeLessThanOrEqual(1);
    for (const e of file.story) {
      if (e.is === 'pass') {
        expect(e.decisions.length).toBeGreaterThan(0);
        if (e.to !== null) expect(e.end.because).not.toBe('');
        if (e.to !== null) expect(e.end.is).not.toBe('not told');
      }
      if (e.is === 'wait' && e.to !== null) expect(e.endedBy, `${e.for}: ${e.because}`).not.toBeNull();
    }
  });

  test('counts as many failed attempts as the workflow did', () => {
    const told = histories.flatMap((h) => h.events ?? []).flatMap(failedAsTold);
    const failed = file.story.filter((e) => e.is === 'pass' && e.end.is === 'failed').length;
    expect(file.attempts.failed).toBeLessThanOrEqual(failed);
    expect(file.attempts.failed).toBeGreaterThanOrEqual(told.at(-1) ?? 0);
    if (file.left !== null) expect(file.left.failures).toHaveLength(Math.min(20, file.attempts.failed));
  });

  test('is explained as well when it is cut off after any of its workflow tasks', () => {
    const last = histories.at(-1);
    for (const cut of last === undefined ? [] : truncations(last)) {
      const part = caseFile([...histories.slice(0, -1), cut]);
      explained(part);
      expect(part.missing).toEqual([]);
      expect(part.state.is).toBe('open');
    }
  });
});

test('a start of the JobManager is told with what spoke for it', () => {
  const file = caseFile(casesIn('asks-to-start-the-job-manager')[0]);
  expect(file.starts).toMatchObject([{ run: RUN_A, leader: 'http://jm:8081', proofs: ['nobody leads'] }]);
});

test('a wait for the proof that the old run is dead spends no attempt, a sign of life does', () => {
  const file = caseFile(casesIn('waits-until-the-old-run-is-proved-dead')[0]);
  const decided = decisionsOf(file).map((d) => d.do);
  expect(decided).toContain('await');
  expect(decided).toContain('restore');
  expect(file.attempts.failed).toBe(1);
  expect(decisionsOf(file).find((d) => d.do === 'fail')?.because).toContain('found chk-13 after chk-12');
  const looks = stepsOf(file).filter((s) => s.name === 'assessRun');
  const told = looks.map((s) => s.findings.find((f) => f.of.includes('leaves behind'))?.text);
  expect(told.slice(0, 3)).toEqual(['chk-12', 'chk-13', 'chk-13']);
});
