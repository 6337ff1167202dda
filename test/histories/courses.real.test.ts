/**
 * Plays every course on a real server, and replays what it made. `npm run record-histories` also keeps it: only then is
 * the fixture written.
 */
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workflowCode } from '../simulation/campaign.js';
import { CASE, openCases, type Cases } from '../support/cases.js';
import { executionsOf, terminated } from '../support/executions.js';
import type { Course } from './course.js';
import { COURSES } from './courses.js';
import { keepOnly, writeCourse, type Execution } from './recorded.js';
import { replayed } from './replayed.js';

const keep = process.env['HOLDFAST_RECORD'] === '1';
/** Few enough for a course of seconds. */
const SOON = { 'limit.historyCount.suggestContinueAsNew': 50 };

let code: string;
beforeAll(async () => {
  code = await workflowCode();
});

describe.each([false, true])('on a server that suggests soon to continue as new: %s', (soon) => {
  const mine = COURSES.filter((c) => c.continuesSoon === soon);
  let on: Cases;
  const known = new Set<string>();
  beforeAll(async () => {
    on = await openCases(soon ? SOON : {});
  });
  afterAll(() => on?.close());

  test.each(mine.map((c): [string, Course] => [c.name, c]))('%s replays as it was played', async (_, course) => {
    let ids: readonly string[] = [CASE];
    try {
      ids = [CASE, ...((await course.play(on)) ?? [])];
      const all: Execution[] = [];
      for (const { workflowId, runId } of await executionsOf(on.raw, ids)) {
        if (known.has(runId)) continue;
        const history = await on.raw.workflow.getHandle(workflowId, runId).fetchHistory();
        all.push({ course: course.name, workflowId, history });
      }
      expect(all.length).toBeGreaterThan(0);
      expect(await replayed(code, all)).toEqual([]);
      expect(all.some(({ history }) => continued(history))).toBe(soon);
      if (keep) writeCourse(course.name, all);
    } finally {
      // The next course begins with no case open.
      for (const execution of await executionsOf(on.raw, ids)) {
        known.add(execution.runId);
        await terminated(on.raw, execution);
      }
    }
  });
});

const continued = (history: History): boolean =>
  (history.events ?? []).some((e) => e.workflowExecutionContinuedAsNewEventAttributes);

afterAll(() => {
  if (keep) keepOnly(COURSES.map((c) => c.name));
});
