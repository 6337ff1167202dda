/**
 * Cases on the driver instead of a server: what `openCases` offers to a course of `test/histories/`, in virtual time. The
 * client is the real one; what it calls is Temporal's client as far as a course needs it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  type Client,
  type WithStartWorkflowOperation,
} from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter, WorkflowNotFoundError } from '@temporalio/common';
import type { Clock } from '../../adapters/ports.js';
import { holdfastClient, SEARCH_ATTRIBUTES } from '../../client/index.js';
import type { CaseStatus } from '../../domain/case.js';
import { CASE, withoutLookingAhead, type Steps } from '../support/cases.js';
import { instantOutside } from '../support/instant-outside.js';
import { configForTests } from '../support/temporal.js';
import { createDriver, type Driver, type Sandbox, type Start } from './driver.js';
import type { HonestStage } from './honest-courses.js';
import type { Random } from './seed.js';
import { createTimeline, type Process, type Timeline } from './timeline.js';

/** Milliseconds until a person, or a program for them, has seen something and said something. */
const REACTION = 40;
/** No course takes longer (milliseconds of virtual time). */
const END = 3_600_000;

export interface Driven {
  readonly driver: Driver;
  /** Plays until the course is over. @throws what the course throws, and when it waits for what never comes. */
  play(course: (on: HonestStage) => Promise<unknown>): Promise<void>;
}

/** A server that answers at once, and never twice the same by chance. */
const prompt: Random = {
  ...{ next: () => 0, int: (from) => from, chance: (p) => p >= 0.5 },
  pick: (of) => of[0],
};

export function drivenCases(sandbox: Sandbox, continueAfter: number): Driven {
  const timeline = createTimeline(Date.now());
  const person = waiting(timeline);
  const ends = new Map<string, () => unknown>();
  let steps: Steps = {};
  let problem: string | null = null;
  const names = Object.keys(SEARCH_ATTRIBUTES);
  const driver = createDriver({
    ...{ timeline, sandbox, random: prompt, continueAfter, secrets: [] },
    steps: (process: Process) => (void process, byName(() => steps)),
    hooks: {
      taskDone: () => undefined,
      stepScheduled: () => 0,
      stepDone: () => undefined,
      broken: (what) => void (problem ??= what),
      closed: (id, how, result) => {
        if (how !== 'continued as new') ends.set(id, () => endOf(how, result));
      },
      note: () => undefined,
      recorded: () => undefined,
    },
  });
  const config = configForTests('127.0.0.1:1');
  const raw = temporalClient(driver, person, ends);
  const client = holdfastClient({ client: raw, config });
  const stage: HonestStage = {
    client,
    raw,
    async outside(policy, instead) {
      const it = await instantOutside(policy, async () => names, hurrying(timeline));
      ends.delete(CASE);
      steps = { ...it.steps, ...withoutLookingAhead(it.steps, instead?.(it) ?? {}) };
      return it;
    },
    until: (what) =>
      person.until(
        typeof what === 'string' ? `the case is ${what}` : 'the case stands as awaited',
        async () => {
          const status = (await driver.query(CASE, 'status')) as CaseStatus | undefined;
          if (status === undefined) return undefined;
          return (typeof what === 'string' ? status.phase === what : what(status)) ? status : undefined;
        },
      ),
    when: async (what, come) => {
      await person.until(what, async () => come() || undefined);
    },
    end: () => raw.workflow.getHandle(CASE).result() as never,
    deploy: () => person.act('deploy', () => driver.deploy(0)),
    cutOff: () => person.act('cut off', () => driver.cutOff(0)),
  };
  return {
    driver,
    async play(course) {
      const { now: realNow } = Date as { readonly now: (this: void) => number };
      Date.now = () => timeline.now();
      let over: { readonly error?: Error } | null = null;
      try {
        void course(stage).then(
          () => (over = {}),
          (error: Error) => (over = { error }),
        );
        // Until the course waits for an event: an answer may let it ask for what is there already.
        const idle = async (): Promise<void> => {
          do for (let i = 0; i < 50 && over === null && !person.waits(); i++) await turn();
          while (await person.look());
        };
        const afterEvent = async (): Promise<void> => {
          if (!(await person.look())) return;
          await idle();
          // Steps that the course has let go come as far as they can before time goes on.
          timeline.at(timeline.now(), () => undefined);
        };
        await idle();
        await timeline.run(timeline.now() + END, afterEvent, () => over !== null || problem !== null);
        if (problem !== null) throw new Error(problem);
        if (over === null) throw new Error(`the course waits in vain: ${person.waitsFor()}`);
        const { error } = over as { readonly error?: Error };
        if (error !== undefined) throw error;
        await driver.replayAll();
        if (problem !== null) throw new Error(problem);
      } finally {
        Date.now = realNow;
      }
    },
  };
}

// ── People in virtual time ──────────────────────────────────────────────────────────────────────────────────────

interface Person {
  /** Asks after every event; resolves with the first answer. */
  until<T>(what: string, look: () => Promise<T | undefined>): Promise<T>;
  /** Does something after the time that it takes. */
  act<T>(what: string, act: () => T): Promise<T>;
  /** Whether something has come. */
  look(): Promise<boolean>;
  waits(): boolean;
  waitsFor(): string;
}

function waiting(timeline: Timeline): Person {
  const asked = new Map<object, { readonly what: string; readonly look: () => Promise<void> }>();
  const wait = <T>(what: string, look: () => Promise<T | undefined>): Promise<T> =>
    new Promise((resolve, reject) => {
      const me = {};
      const done = (then: () => void): void => {
        asked.delete(me);
        then();
      };
      asked.set(me, {
        what,
        look: () =>
          look().then(
            (answer) => (answer === undefined ? undefined : done(() => resolve(answer))),
            (error: Error) => done(() => reject(error)),
          ),
      });
    });
  return {
    until: wait,
    act: async (what, act) => {
      let did: { readonly is: ReturnType<typeof act> } | undefined;
      let failed: { readonly error: unknown } | undefined;
      timeline.at(timeline.now() + REACTION, () => {
        try {
          did = { is: act() };
        } catch (error) {
          failed = { error };
        }
      });
      const { is } = await wait(what, async () => {
        if (failed !== undefined) throw failed.error;
        return did;
      });
      return is;
    },
    look: async () => {
      const all = [...asked];
      for (const [, { look }] of all) await look();
      return all.some(([me]) => !asked.has(me));
    },
    waits: () => asked.size > 0,
    waitsFor: () => [...asked.values()].map((a) => a.what).join(', '),
  };
}

// ── Temporal's client ───────────────────────────────────────────────────────────────────────────────────────────

type Named = string | { readonly name: string };
interface Options {
  readonly workflowId: string;
  readonly args?: readonly unknown[];
  readonly memo?: Readonly<Record<string, unknown>>;
  readonly workflowIdConflictPolicy?: string;
  readonly signal?: Named;
  readonly signalArgs?: readonly unknown[];
}
const nameOf = (of: Named): string => (typeof of === 'string' ? of : of.name);

function temporalClient(driver: Driver, person: Person, ends: ReadonlyMap<string, () => unknown>): Client {
  const startOf = (type: Named, { workflowId, args, memo }: Options): Start => ({
    type: nameOf(type),
    id: workflowId,
    input: args?.[0],
    memo: Object.fromEntries(
      Object.entries(memo ?? {}).map(([key, value]) => [key, defaultPayloadConverter.toPayload(value)]),
    ),
  });
  const notFound = (id: string): never => {
    throw new WorkflowNotFoundError('there is no such execution', id, undefined);
  };
  const answered = (name: string, updateId: string) =>
    person.until(`the answer to ${name}`, async () => {
      const answer = driver.answerTo(updateId);
      if (answer === null) return undefined;
      if ('failed' in answer)
        throw new WorkflowUpdateFailedError('refused', ApplicationFailure.nonRetryable(answer.failed));
      return answer;
    });
  const getHandle = (id: string) => ({
    workflowId: id,
    describe: async () => {
      const memo = driver.memo(id) ?? notFound(id);
      const status = { name: driver.isOpen(id) ? 'RUNNING' : 'COMPLETED' };
      return { workflowId: id, runId: '', status, memo, startTime: new Date(), historyLength: 0 };
    },
    query: async (of: Named) => (await driver.query(id, nameOf(of))) ?? null,
    signal: (of: Named, argument: unknown) =>
      person.act(`signal ${nameOf(of)}`, () => driver.signal(id, nameOf(of), argument) || notFound(id)),
    cancel: () => person.act('cancel', () => driver.cancel(id) || notFound(id)),
    executeUpdate: async (of: Named, { args, updateId }: { args: readonly unknown[]; updateId?: string }) => {
      const as = updateId ?? `${nameOf(of)}-by-hand`;
      await person.act(nameOf(of), () => driver.update(id, nameOf(of), args[0], as) || notFound(id));
      return (await answered(nameOf(of), as)).result;
    },
    result: () =>
      person
        .until(`the end of ${id}`, async () => (driver.isOpen(id) ? undefined : ends.get(id)))
        .then((end) => end()),
  });
  const workflow = {
    getHandle,
    start: async (type: Named, options: Options) => {
      await person.act(`start ${options.workflowId}`, () => {
        if (!driver.isOpen(options.workflowId)) return driver.start(startOf(type, options));
        if (options.workflowIdConflictPolicy === 'FAIL')
          throw new WorkflowExecutionAlreadyStartedError('it runs', options.workflowId, nameOf(type));
        if (options.workflowIdConflictPolicy !== 'USE_EXISTING')
          throw new Error(`the driver does not know the policy ${options.workflowIdConflictPolicy}`);
      });
      return { ...getHandle(options.workflowId), firstExecutionRunId: '' };
    },
    signalWithStart: (type: Named, options: Options) =>
      person.act(`start ${options.workflowId}`, () => {
        const signal = nameOf(options.signal ?? '');
        return {
          signaledRunId: driver.signalWithStart(startOf(type, options), signal, options.signalArgs?.[0]),
        };
      }),
    executeUpdateWithStart: async (
      of: Named,
      {
        args,
        updateId = '',
        startWorkflowOperation: { workflowTypeOrFunc, options },
      }: {
        readonly args: readonly unknown[];
        readonly updateId?: string;
        readonly startWorkflowOperation: WithStartWorkflowOperation<never>;
      },
    ) => {
      const start = startOf(workflowTypeOrFunc, options);
      await person.act(nameOf(of), () => driver.update(start.id, nameOf(of), args[0], updateId, start));
      return (await answered(nameOf(of), updateId)).result;
    },
  };
  const connection = { close: async () => undefined };
  const client = { workflow, connection, withDeadline: (_: unknown, call: () => unknown) => call() };
  return client as unknown as Client;
}

// ── Small things ────────────────────────────────────────────────────────────────────────────────────────────────

function endOf(how: string, result: unknown): unknown {
  if (how === 'completed') return result;
  const { failedAs } = (result ?? {}) as { readonly failedAs?: string };
  const cause = ApplicationFailure.create({
    message: how,
    ...(failedAs === undefined ? {} : { type: failedAs }),
  });
  throw new WorkflowFailedError('the execution failed', cause, 'NON_RETRYABLE_FAILURE');
}

/** Steps that are looked up when they are called: a course replaces them as it goes. */
const byName = (steps: () => Steps): never =>
  new Proxy(
    {},
    {
      get: (_, name) => (input: never) =>
        (steps() as Readonly<Record<string | symbol, (input: never) => unknown>>)[name]?.(input),
    },
  ) as never;

/** As the clock of `instantOutside`: more of virtual time with every sleep, each of which is over at once. */
function hurrying(timeline: Timeline): Clock {
  let ahead = 0;
  return {
    now: () => timeline.now() + ahead,
    sleep: async (ms, signal) => {
      await timeline.wait(1, signal);
      ahead += ms;
    },
  };
}
