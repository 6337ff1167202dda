/** Keeps the driver honest where no server is needed: against recorded histories, and against the SDK's own replay. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COURSES } from '../histories/courses.js';
import type { Course } from '../histories/course.js';
import { readCourse, type Execution } from '../histories/recorded.js';
import { replayed } from '../histories/replayed.js';
import { repairId, watchId } from '../../domain/ids.js';
import { CASE as TOLD } from '../support/cases.js';
import { sandboxOf, workflowCode } from './campaign.js';
import { drivenCases } from './driven-cases.js';
import type { Sandbox } from './driver.js';
import { eventKinds } from './event-lines.js';
import { scheduleOf } from './schedule.js';
import { CASE, CLUSTER, simulate } from './simulate.js';

let code: string;
let sandbox: Sandbox;
beforeAll(async () => {
  code = await workflowCode();
  sandbox = await sandboxOf(code);
});
afterAll(async () => sandbox?.destroy());

describe('on the driver happens what a real server has recorded:', () => {
  /** What ends first there is a matter of milliseconds, and not of the server. */
  const RACES: Readonly<Record<string, string>> = {
    'people-are-told': 'the first notice against the first look',
    'people-cannot-be-told': 'the first notice against the first look',
    'standing-hold-expires': 'the timer of the case against the look for the hold',
    'attempts-unlimited': 'the change of the world against the next attempt',
    'aborted-and-found-healthy': 'the change of the world against the next look',
    'continued-as-new': 'the change of the world against the next attempt',
    'deadline-passes-while-flink-brings-it-back': 'a step takes a second of real time',
  };
  const compared = COURSES.filter((c) => !(c.name in RACES));

  test('nearly every course is compared, and each that is not is there', () => {
    expect(compared.length).toBeGreaterThan(0.9 * COURSES.length);
    expect(Object.keys(RACES).filter((name) => !COURSES.some((c) => c.name === name))).toEqual([]);
  });

  test.each(compared.map((c): [string, Course] => [c.name, c]))(
    '%s',
    async (name, { play, continuesSoon }) => {
      const driven = drivenCases(sandbox, continuesSoon ? 50 : 10_000);
      try {
        let ids: readonly string[] = [];
        await driven.play(async (on) => {
          ids = (await play(on)) ?? [];
        });
        const recorded = readCourse(name);
        for (const id of [TOLD, ...ids]) {
          // The newest comes first there.
          const there = recorded.filter((e) => e.workflowId === id).toReversed();
          expect(driven.driver.histories(id).map((h) => eventKinds(h.fetched()))).toEqual(
            there.map((e) => eventKinds(e.history)),
          );
        }
      } finally {
        await driven.driver.close();
      }
    },
  );
});

test(
  "the SDK's own replay finds nothing wrong with the histories of a sample of seeds",
  { timeout: 120_000 },
  async () => {
    const all: Execution[] = [];
    for (let seed = 1; seed <= 30; seed++)
      await simulate(sandbox, scheduleOf(seed), {}, (driver) => {
        for (const workflowId of [CASE, watchId(CLUSTER), repairId(CLUSTER)])
          for (const written of driver.histories(workflowId))
            all.push({ course: `seed ${seed}`, workflowId, history: written.fetched() });
      });
    expect(all.length).toBeGreaterThan(50);
    expect(await replayed(code, all)).toEqual([]);
  },
);
