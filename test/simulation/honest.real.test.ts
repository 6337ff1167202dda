/**
 * Keeps the driver honest: the same courses, from one description, on it and on a real Temporal server, and the same
 * events of both. A difference is a mistake of the driver.
 */
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CASE, openCases, type Cases } from '../support/cases.js';
import { executionsOf, terminated } from '../support/executions.js';
import { faultyProxy, type FaultyProxy } from '../support/faulty-proxy.js';
import { sandboxOf, workflowCode } from './campaign.js';
import { drivenCases } from './driven-cases.js';
import type { Sandbox } from './driver.js';
import { eventLines } from './event-lines.js';
import { HONEST, type HonestCourse, type Wanted } from './honest-courses.js';

/** Few enough for a course of seconds. */
const SOON = 50;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await sandboxOf(await workflowCode());
});
afterAll(async () => sandbox?.destroy());

/** By workflow id the lines of its executions, the oldest first. */
type Written = Readonly<Record<string, readonly (readonly string[])[]>>;

async function onDriver({ play, wants }: HonestCourse): Promise<Written> {
  const driven = drivenCases(sandbox, wants === 'continues soon' ? SOON : 10_000);
  try {
    let ids: readonly string[] = [];
    await driven.play(async (on) => {
      ids = (await play(on)) ?? [];
    });
    return written([CASE, ...ids], (id) => driven.driver.histories(id).map((h) => h.fetched()));
  } finally {
    await driven.driver.close();
  }
}

const written = (ids: readonly string[], of: (id: string) => readonly History[]): Written =>
  Object.fromEntries(ids.map((id) => [id, of(id).map(eventLines)]));

const WANTED: readonly Wanted[] = ['nothing', 'continues soon', 'cut off'];
describe.each(WANTED)('of the server is wanted: %s', (wanted) => {
  const mine = HONEST.filter((c) => c.wants === wanted);
  const known = new Set<string>();
  const ending: (() => Promise<void>)[] = [];
  let on: Cases;
  let proxy: FaultyProxy | null = null;
  const through = async (address: string): Promise<string> => {
    proxy = await faultyProxy(Number(address.split(':')[1]));
    return proxy.address;
  };
  beforeAll(async () => {
    const soon = { 'limit.historyCount.suggestContinueAsNew': SOON };
    on = await openCases(wanted === 'continues soon' ? soon : {}, wanted === 'cut off' ? through : undefined);
  });
  afterAll(async () => {
    for (const end of ending) await end();
    await on?.close();
    await proxy?.close();
  });

  async function onServer({ play }: HonestCourse): Promise<Written> {
    const cutOff = async () => {
      await proxy?.set({ is: 'refuse' });
      // A worker cannot end well without its server.
      ending.unshift(async () => proxy?.set({ is: 'none' }));
      await deploy();
    };
    const deploy = async () => {
      const next = await on.anotherWorker();
      ending.push(() => (next.shutdown(), next.done));
    };
    let ids: readonly string[] = [CASE];
    try {
      ids = [CASE, ...((await play({ ...on, deploy, cutOff })) ?? [])];
      const found = await executions(ids);
      const histories = await Promise.all(
        found.map(async ({ workflowId, runId }) => {
          const history = await on.raw.workflow.getHandle(workflowId, runId).fetchHistory();
          return { workflowId, history };
        }),
      );
      return written(ids, (id) => histories.flatMap((h) => (h.workflowId === id ? [h.history] : [])));
    } finally {
      // The next course begins with nothing open.
      for (const execution of await executions(ids)) {
        known.add(execution.runId);
        await terminated(on.raw, execution);
      }
    }
  }

  /** Those of this course, the oldest first. */
  const executions = async (ids: readonly string[]) =>
    (await executionsOf(on.raw, ids)).filter((e) => !known.has(e.runId));

  test.each(mine.map((c): [string, HonestCourse] => [c.name, c]))(
    '%s makes the same events on the driver and on the server',
    async (_, course) => {
      const onIt = await onServer(course);
      expect(Object.values(onIt).flat(2).length).toBeGreaterThan(10);
      expect(await onDriver(course)).toEqual(onIt);
    },
  );
});

test('at least twenty courses are compared', () => {
  expect(new Set(HONEST.map((c) => c.name)).size).toBeGreaterThanOrEqual(20);
});
