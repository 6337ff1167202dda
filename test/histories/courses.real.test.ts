/**
 * Plays every course on a real server, and replays what it made. `npm run record-histories` also keeps it: only then is
 * the fixture written.
 */
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workflowCode } from '../simulation/campaign.js';
import { CASE, openCases, type Cases } from '../support/cases.js';
import { COURSES, type Course } from './courses.js';
import { keepOnly, writeCourse, type Execution } from './recorded.js';
import { replayed } from './replayed.js';

const keep = process.env['HOLDFAST_RECORD'] === '1';
/** Few enough for a course of seconds. */
const SOON = { 'limit.historyCount.suggestContinueAsNew': 50 };

let code: string;
beforeAll(async () => {
  code = await workflowCode();
});

/** Every execution of these ids on the server, the newest first. */
async function executionsOf(on: Cases, ids: readonly string[]) {
  const found: { readonly workflowId: string; readonly runId: string; readonly open: boolean }[] = [];
  const query = ids.map((id) => `WorkflowId = '${id}'`).join(' OR ');
  for await (const { workflowId, runId, status } of on.raw.workflow.list({ query }))
    found.push({ workflowId, runId, open: status.name === 'RUNNING' });
  return found;
}

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
      for (const { workflowId, runId } of await executionsOf(on, ids)) {
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
      for (const { workflowId, runId, open } of await executionsOf(on, ids)) {
        known.add(runId);
        if (open) await on.raw.workflow.getHandle(workflowId, runId).terminate('the course is over');
      }
    }
  });
});

const continued = (history: History): boolean =>
  (history.events ?? []).some((e) => e.workflowExecutionContinuedAsNewEventAttributes);

afterAll(() => {
  if (keep) keepOnly(COURSES.map((c) => c.name));
});
