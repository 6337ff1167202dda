/**
 * What open cases of the last recording go through when a worker with this code takes them over. When this fails, the
 * change needs `patched()`, or, before the first release, new recordings: see CONTRIBUTING.md.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createActivities } from '../../activities/index.js';
import { RECOVERY_ABORTED } from '../../domain/abort-ledger.js';
import type { CaseEnd } from '../../domain/case.js';
import type { LookReport } from '../../domain/look.js';
import { root } from '../../stack/root.js';
import * as workflows from '../../workflows/index.js';
import { workflowCode } from '../simulation/campaign.js';
import { COURSES } from './courses.js';
import { bytesRecorded, readCourse, recordedCourses, type Execution } from './recorded.js';
import { replayed, truncations } from './replayed.js';
import { told, type Told } from './told.js';

let code: string;
let executions: readonly Execution[];
beforeAll(async () => {
  code = await workflowCode();
  executions = recordedCourses().flatMap(readCourse);
});

/** Each history as it stood after each of its workflow tasks. */
const cut = (whole: readonly Execution[]): readonly Execution[] =>
  whole.flatMap((e) => truncations(e.history).map((history) => ({ ...e, history })));

test('every recorded course replays', async () => {
  expect(await replayed(code, executions)).toEqual([]);
});

test('every recorded course replays cut off after any of its workflow tasks', { timeout: 300_000 }, async () => {
  const open = cut(executions);
  expect(open.length).toBeGreaterThan(5 * executions.length);
  expect(await replayed(code, open)).toEqual([]);
});

describe('fails for a change that would break open cases:', () => {
  /** Where a step is called, whatever it is called with. */
  const CALL = /await (_steps_js\w+)\.resumeOffsets\(/;
  /** In the bundled code; each first text must be there. */
  const changes: readonly (readonly [what: string, from: RegExp | string, to: string])[] = [
    ['two steps in another order', /if \(check === undefined\) return \{\s*do: 'checkOffsets'/, "if (check === undefined && e.offsets.now === 1) return { do: 'checkOffsets'"],
    ['an additional step', CALL, 'await (await $1.checkOffsets({ job, point }, "once more"), $1.resumeOffsets)('],
    ['a step left out', CALL, '(() => ({ group: null, committed: 0, before: [], left: null, fault: null }))('],
    ['a step under another name', "step(quick, 'checkOffsets')", "step(quick, 'checkPositions')"],
    ['a step that is no longer local', "step(opening, 'openCase')", "step(quick, 'openCase')"],
    ['an additional timer', /(const outcome = await settled\()/, 'await (0,_temporalio_workflow__WEBPACK_IMPORTED_MODULE_0__.sleep)(1); $1'],
    ['attributes published more often', 'changed.length > 0', 'true'],
    ['the soak without a timer', /const early = left > 0 \? await \(0,\w+\.condition\)\(/, 'const early = left > 0 ? await (async () => false)('],
    ['no memo of the outcome', /\(0,\w+\.upsertMemo\)\(\{\s*phase/, '(({})) ?? ({ phase'],
  ];

  test.each(changes)('%s', async (_, from, to) => {
    const changed = code.replace(from, to);
    expect(changed).not.toBe(code);
    const failed = await replayed(changed, executions);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed[0]?.why).toMatch(/nondeterminism|TMPRL1100/i);
  });

  test('also while they are still open', { timeout: 300_000 }, async () => {
    const [, from, to] = changes[1] ?? ['', '', ''];
    const failed = await replayed(code.replace(from, to), cut(executions));
    expect(failed.length).toBeGreaterThan(executions.length);
  });
});

describe('no course is missing: recorded is', () => {
  let is: Told;
  beforeAll(async () => {
    is = await told(code, executions);
  }, 120_000);

  const source = (file: string): string => readFileSync(join(root, file), 'utf8');
  const found = (text: string, pattern: RegExp): readonly string[] =>
    [...new Set([...text.matchAll(pattern)].map((m) => m[1] ?? ''))].sort();
  const ofType = (file: string, name: string): string =>
    source(file).split(new RegExp(`export type ${name} =`))[1]?.split(/;\n(?!\s*\|)/)[0] ?? '';
  const all = (folder: string): string =>
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => source(join(folder, file)))
      .join('\n');

  test('every course that is played, in less than 2 MB', () => {
    expect(recordedCourses()).toEqual(COURSES.map((c) => c.name).sort());
    expect(bytesRecorded()).toBeLessThan(2_000_000);
    expect(is.failed).toEqual([]);
  });

  test('every decision', () => {
    const decisions = found(source('domain/next.ts').split('export type Next =')[1] ?? '', /readonly do: '(\w+)'/g);
    expect(decisions.length).toBeGreaterThanOrEqual(14);
    expect([...is.decisions].sort()).toEqual(expect.arrayContaining([...decisions]));
  });

  test('every question', () => {
    const domain = all('domain');
    const literal = found(domain, /\b(?:ask|planOf|askWhetherStopped)\(\s*(?:e, )?'([^']+)'/g);
    const named = found(domain, /\b(?:ask|planOf)\(\s*([A-Z_]+)\b/g).map(
      (name) => new RegExp(`const ${name} = '([^']+)'`).exec(domain)?.[1] ?? `no text of ${name}`,
    );
    expect(literal.length).toBeGreaterThanOrEqual(16);
    expect(named).toEqual(expect.arrayContaining(['exhausted', 'blank run']));
    expect([...is.questions].sort()).toEqual(expect.arrayContaining([...literal, ...named]));
    // Of the questions that are named after a failure: one without anything to approve, and one with.
    expect([...is.questions]).toEqual(expect.arrayContaining(['StateIncompatible', 'LaunchInDoubt']));
  });

  const resultsOf = (workflow: keyof typeof workflows): readonly unknown[] =>
    executions.flatMap(({ history }) => {
      const [first] = history.events ?? [];
      const last = history.events?.at(-1)?.workflowExecutionCompletedEventAttributes;
      const data = last?.result?.payloads?.[0]?.data;
      const mine = first?.workflowExecutionStartedEventAttributes?.workflowType?.name === workflow;
      return mine && data ? [JSON.parse(Buffer.from(data).toString()) as unknown] : [];
    });

  test('every end of a case, the abort too', () => {
    const type = source('domain/case.ts').split('export interface CaseEnd')[1]?.split('readonly job')[0] ?? '';
    // Nothing ends so: a case with 0 attempts is aborted, with what it would have done.
    const ends = found(type, /'([^']+)'/g).filter((end) => end !== 'observed');
    expect(ends.length).toBeGreaterThanOrEqual(6);
    const outcomes = resultsOf('recoverJob').map((end) => (end as Partial<CaseEnd>).outcome);
    expect(outcomes).toEqual(expect.arrayContaining([...ends]));
    const failures = events().map((e) => e.workflowExecutionFailedEventAttributes?.failure?.applicationFailureInfo?.type);
    expect(failures).toContain(RECOVERY_ABORTED);
  });

  test('everything that a look can say', () => {
    const type = source('domain/look.ts').split('export type Would =')[1]?.split('export interface')[0] ?? '';
    const kinds = found(type, /readonly is: '(\w+)'/g);
    expect(kinds.length).toBeGreaterThanOrEqual(5);
    const said = resultsOf('recoverJob').map((report) => (report as Partial<LookReport>).would?.is);
    expect(said).toEqual(expect.arrayContaining([...kinds]));
  });

  test('a standing hold that has expired and one that was released', () => {
    expect(resultsOf('standingHold')).toEqual(
      expect.arrayContaining(['expired', expect.stringMatching(/^released by /)]),
    );
  });

  test('every kind of answer, and none', () => {
    expect([...is.answers].sort()).toEqual(['approve', 'choose', 'none', 'reject']);
  });

  test('every phase', () => {
    const phases = found(ofType('domain/case.ts', 'Phase'), /'([^']+)'/g);
    expect(phases.length).toBeGreaterThanOrEqual(16);
    expect([...is.phases].sort()).toEqual(expect.arrayContaining([...phases]));
  });

  const events = () => executions.flatMap(({ history }) => history.events ?? []);

  test('every workflow', () => {
    const started = events().map((e) => e.workflowExecutionStartedEventAttributes?.workflowType?.name);
    expect(started).toEqual(expect.arrayContaining(Object.keys(workflows)));
  });

  test('every step, and one that failed and one that was cancelled', () => {
    const scheduled = new Set(events().map((e) => e.activityTaskScheduledEventAttributes?.activityType?.name));
    const local = events()
      .map((e) => e.markerRecordedEventAttributes?.details?.['data']?.payloads?.[0]?.data)
      .flatMap((data) => (data ? [(JSON.parse(Buffer.from(data).toString()) as { activity_type?: string }).activity_type] : []));
    const steps = Object.keys(createActivities(null as never));
    expect([...scheduled, ...local]).toEqual(expect.arrayContaining(steps));
    expect(events().some((e) => e.activityTaskFailedEventAttributes)).toBe(true);
    expect(events().some((e) => e.activityTaskCancelRequestedEventAttributes)).toBe(true);
  });

  test('every message', () => {
    const text = source('workflows/messages.ts');
    const updates = found(text, /defineUpdate<[^>]*>+\(\s*'(\w+)'/g);
    const signals = found(text, /defineSignal<[^>]*>\('(\w+)'/g);
    expect(updates.length).toBeGreaterThanOrEqual(10);
    expect(events().map((e) => e.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name)).toEqual(
      expect.arrayContaining([...updates]),
    );
    expect(events().map((e) => e.workflowExecutionSignaledEventAttributes?.signalName)).toEqual(
      expect.arrayContaining([...signals]),
    );
    expect(events().some((e) => e.workflowExecutionCancelRequestedEventAttributes)).toBe(true);
    expect(events().some((e) => e.workflowExecutionContinuedAsNewEventAttributes)).toBe(true);
  });
});
