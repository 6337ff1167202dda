/** Makes the workers of one process: three task queues, so that waiting never takes the place of working. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  NativeConnection,
  Runtime,
  Worker,
  type NativeConnectionOptions,
  type WorkflowBundleOption,
  type WorkerOptions,
} from '@temporalio/worker';
import { identityOf, QUEUES, tlsOf } from '../client/index.js';
import type { Config, TemporalConfig } from '../config/config.js';
import { secretValues } from '../config/secrets.js';
import { workflowBundle } from './bundle.js';
import { stepInterceptor } from './interceptor.js';
import { temporalLogger, type Log } from './logger.js';
import { scrubber } from './scrub.js';

export interface WorkersOptions {
  readonly config: Config;
  readonly log: Log;
  /** The steps by name, from `createActivities`. */
  readonly activities: object;
  /** The workflow code. Default: the built one, else bundled from the sources. */
  readonly bundle?: WorkflowBundleOption;
  /** Milliseconds for which Temporal is waited for at the start [30000]. */
  readonly connectWithin?: number;
  /** Ends that waiting. Workers that run are ended by {@link RunningWorkers.shutdown}. */
  readonly signal?: AbortSignal;
}

export interface RunningWorkers {
  /** Resolves when all workers have stopped after {@link RunningWorkers.shutdown}; rejects when one has failed. */
  readonly done: Promise<void>;
  /** Begins the shutdown: steps at work get {@link SHUTDOWN_GRACE}, then they are cut off and run again elsewhere. */
  shutdown(): void;
  /** Whether all workers are polling. */
  healthy(): boolean;
}

/** Longer than a quick step takes. */
const SHUTDOWN_GRACE = 10_000;
/** Waiting steps do not end by themselves: they are cut off at once. */
const WAIT_GRACE = 100;
const SHUTDOWN_FORCE = 20_000;
/** Slots for steps that only wait; each holds a promise and a timer. */
const WAIT_SLOTS = 4_000;
/** Who waits in vain learns it with a heartbeat: they are sent this often (milliseconds), not at 80 % of their timeout. */
export const WAIT_BEAT = 2_000;
/** A task for a worker that was killed waits this long before another worker gets it. */
export const STICKY_TIMEOUT = 2_000;

let installed = false;

/** Once per process, before anything of the worker's SDK. Later calls do nothing. */
export function installRuntime(log: Log): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: temporalLogger(log),
    // main.ts listens for signals: the process has more to stop than workers.
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
  });
}

export async function createWorkers({
  config,
  log,
  activities,
  bundle: given,
  connectWithin = 30_000,
  signal,
}: WorkersOptions): Promise<RunningWorkers> {
  installRuntime(log);
  const bundle = given ?? (await workflowBundle(temporalLogger(log.child({}, { level: 'warn' }))));
  const connection = await connect(config.temporal, log, { within: connectWithin, signal });
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace: config.temporal.namespace,
    identity: identityOf('worker'),
    activities,
    interceptors: { activity: [stepInterceptor(scrubber(secretValues(config)))] },
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  };
  try {
    const workers = await Promise.all([
      Worker.create({
        ...shared,
        taskQueue: QUEUES.steps,
        workflowBundle: bundle,
        maxConcurrentActivityTaskExecutions: config.limits.steps,
        stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
      }),
      Worker.create({
        ...shared,
        taskQueue: QUEUES.waits,
        maxConcurrentActivityTaskExecutions: WAIT_SLOTS,
        shutdownGraceTime: WAIT_GRACE,
        maxHeartbeatThrottleInterval: WAIT_BEAT,
      }),
      Worker.create({
        ...shared,
        taskQueue: QUEUES.restores,
        maxConcurrentActivityTaskExecutions: config.limits.restores,
      }),
    ]);
    return run(workers, connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function run(workers: readonly Worker[], connection: NativeConnection): RunningWorkers {
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) =>
    worker.run().catch((error: unknown) => {
      // One queue without a worker would leave cases hanging: all stop, and the process is started anew.
      shutdown();
      throw error;
    }),
  );
  const done = Promise.allSettled(runs).then(async (results) => {
    await connection.close();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason as Error;
  });
  // Whoever awaits `done` learns of the failure; nobody may have begun to.
  done.catch(() => undefined);
  return { done, shutdown, healthy: () => workers.every((worker) => worker.getState() === 'RUNNING') };
}

/**
 * A connection to Temporal, tried again while the server is not up.
 * @throws Error with the last reason after `within` milliseconds; an AbortError when the signal is aborted.
 */
async function connect(
  temporal: TemporalConfig,
  log: Log,
  { within, signal }: { readonly within: number; readonly signal: AbortSignal | undefined },
): Promise<NativeConnection> {
  const tls = tlsOf(temporal.tls, temporal.apiKey !== undefined);
  const options: NativeConnectionOptions = {
    address: temporal.address,
    ...(tls === undefined ? {} : { tls }),
    ...(temporal.apiKey === undefined ? {} : { apiKey: temporal.apiKey.reveal() }),
  };
  const until = Date.now() + within;
  for (let wait = 250; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      return await NativeConnection.connect(options);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (Date.now() + wait > until) {
        throw new Error(
          `Temporal does not answer at ${temporal.address} (${why}); check temporal.address, or start it with: holdfast dev`,
          { cause: error },
        );
      }
      log.warn({ address: temporal.address, why, againInMs: wait }, 'Temporal does not answer yet');
      await sleep(wait, undefined, { ...(signal === undefined ? {} : { signal }) });
    }
  }
}
