/** Cases on a real Temporal server with the search attributes of production, over steps that a test replaces as it goes. */
import { readFile } from 'node:fs/promises';
import { createActivities, type Activities } from '../../activities/index.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import { registeredSearchAttributes, registerSearchAttributes } from '../../client/search-attributes.js';
import type { CaseEnd, CaseStatus, Phase } from '../../domain/case.js';
import type { Policy } from '../../domain/policy.js';
import type { DynamicConfig } from '../../stack/temporal.js';
import { until } from '../../stack/wait.js';
import { workflowBundle } from '../../worker/bundle.js';
import type { RunningWorkers } from '../../worker/run.js';
import { instantOutside, type InstantOutside } from './instant-outside.js';
import { clientOf, temporalForTests, workersOf, type TestTemporal } from './temporal.js';

const QUIET = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
export const JOB = 'window-counts';
export const CASE = `recover/counts/${JOB}`;
export const said = { by: 'ada', reason: 'a test' };

export type Steps = { readonly [K in keyof Activities]?: Activities[K] };

/** Waits until the case of a job is in a phase, or until its status pleases. */
export const caseIs = (
  client: HoldfastClient,
  job: string,
  what: Phase | ((status: CaseStatus) => boolean),
): Promise<CaseStatus> =>
  until(
    typeof what === 'string' ? `the case of ${job} is ${what}` : `the case of ${job} stands as awaited`,
    async () => {
      const status = await client.status(job);
      return (typeof what === 'string' ? status.phase === what : what(status)) ? status : undefined;
    },
    { every: 20 },
  );

/** What a course of a case is played on: a server, or the simulation's model of one. */
export interface Stage {
  readonly client: HoldfastClient;
  readonly raw: ReturnType<typeof clientOf>;
  /** The incident anew for the next case: what the real steps find from now on, and what is said instead of some. */
  outside(policy?: Partial<Policy>, instead?: (it: InstantOutside) => Steps): Promise<InstantOutside>;
  /** Waits until the case is in a phase, or until its status pleases. */
  until(what: Phase | ((status: CaseStatus) => boolean)): Promise<CaseStatus>;
  /** Waits for something that the steps bring about. */
  when(what: string, come: () => boolean): Promise<void>;
  /** The end of the newest case. */
  end(): Promise<CaseEnd>;
}

export interface Cases extends Stage {
  readonly temporal: TestTemporal;
  /**
   * A worker of another build: the same code under another digest, over the same steps. From now on both are at work; the
   * caller ends it. The first call ends the worker that was there from the beginning.
   */
  anotherWorker(): Promise<RunningWorkers>;
  close(): Promise<void>;
}

/** What a test says instead of a step must not be said by the real step before it, which looks ahead. */
export function withoutLookingAhead(real: Activities, instead: Steps): Steps {
  const { assessRun = real.assessRun, readState = real.readState } = instead;
  return {
    ...instead,
    ...(instead.fetchPointer === undefined
      ? {}
      : { assessRun: async (input) => ({ ...(await assessRun(input)), pointers: undefined }) as never }),
    ...(instead.checkOffsets === undefined
      ? {}
      : { readState: async (input) => ({ ...(await readState(input)), offsets: undefined }) as never }),
  };
}

async function codeOf(): Promise<string> {
  const bundle = await workflowBundle(QUIET);
  return 'code' in bundle ? bundle.code : readFile(bundle.codePath, 'utf8');
}

/**
 * @param dynamicConfig of the server.
 * @param way where the first worker finds the server, when it is not to go straight there.
 */
export async function openCases(
  dynamicConfig: DynamicConfig = {},
  way: (address: string) => Promise<string> = async (address) => address,
): Promise<Cases> {
  const temporal = await temporalForTests(dynamicConfig);
  const raw = clientOf(temporal.config);
  const client = holdfastClient({ client: raw, config: temporal.config });
  let current: Record<string, unknown> = {};
  const names = Object.keys(createActivities(null as never));
  const activities = Object.fromEntries(
    names.map((name) => [
      name,
      (...args: readonly unknown[]) => (current[name] as (...a: readonly unknown[]) => unknown)(...args),
    ]),
  );
  try {
    await registerSearchAttributes(raw);
    const { config } = temporal;
    const address = await way(config.temporal.address);
    const code = await codeOf();
    const workers = await workersOf({ ...config, temporal: { ...config.temporal, address } }, activities, {
      bundle: { code },
    });
    let builds = 0;
    return {
      temporal,
      client,
      raw,
      async outside(policy, instead) {
        const it = await instantOutside(policy, () => registeredSearchAttributes(raw));
        current = { ...it.steps, ...withoutLookingAhead(it.steps, instead?.(it) ?? {}) };
        return it;
      },
      until: (what) => caseIs(client, JOB, what),
      when: async (what, come) => void (await until(what, come, { every: 20 })),
      end: () => raw.workflow.getHandle(CASE).result() as Promise<CaseEnd>,
      async anotherWorker() {
        // Before the code: it ends with its source map, and what follows that may be read as part of it.
        const build = `// build ${++builds}\n${code}`;
        const another = await workersOf(config, activities, { bundle: { code: build } });
        workers.shutdown();
        return another;
      },
      async close() {
        workers.shutdown();
        await workers.done;
        await client.close();
        await temporal.close();
      },
    };
  } catch (error) {
    await client.close();
    await temporal.close();
    throw error;
  }
}
