/** Act one: a NameNode that is away for seconds makes Flink give up, and Holdfast brings the job back. */
import type { HoldfastClient } from '../client/index.js';
import {
  checkWindows,
  until,
  type CheckResult,
  type FlinkRest,
  type FlinkVersion,
  type Stack,
} from '../stack/index.js';
import { follow, postAlert, round } from './follow.js';
import { type RunningHoldfast } from './holdfast.js';
import { playOn } from './stage.js';
import type { Narrator } from './narrator.js';
import { BLANK_NAME, CLUSTER, FLINK_NAME, JOB, openScene, TOPICS, type TwinScene } from './scene.js';

export interface ActReport {
  readonly act: 1;
  readonly outcome: string;
  /** Attempts that the case took, the last one included. */
  readonly attempts: number;
  readonly restored: string;
  /** The newest checkpoint that Flink had completed before it gave up. */
  readonly newestCompleted: string;
  readonly windows: number;
  readonly missing: number;
  readonly wrongCounts: number;
  readonly wrongTotals: number;
  readonly repeated: number;
  /** The same job started from nothing, in the same run. */
  readonly blank: { readonly wrongCounts: number; readonly wrongTotals: number };
  readonly seconds: {
    readonly nameNodeDown: number;
    /** From the NameNode being usable again to Flink's answer to the submission, and to all tasks running. */
    readonly readyToSubmitted: number;
    readonly readyToRunning: number;
    readonly total: number;
  };
}

export interface ActOptions {
  readonly flink: FlinkVersion;
  readonly narrator: Narrator;
  /** Failed attempts to see before the NameNode comes back. Default 2. */
  readonly failedAttempts?: number;
}

/** What the act leaves for whoever wants to look further; ends with `stack.stop()`. */
export interface Stage {
  readonly stack: Stack;
  readonly report: ActReport;
  readonly checks: { readonly counts: CheckResult; readonly blank: CheckResult };
  readonly urls: { readonly case: string | null; readonly temporalUi: string | null; readonly flink: string };
}

/** Checkpoints that both jobs complete before the incident. */
const CHECKPOINTS_BEFORE = 5;

export async function actOne(options: ActOptions): Promise<Stage> {
  const { narrator } = options;
  narrator.say(
    'stack',
    `starting ZooKeeper, HDFS, Kafka and Flink ${options.flink} on free ports of 127.0.0.1`,
  );
  const scene = await openScene({ flink: options.flink });
  return playOn('act one', scene, (holdfast, client) => play(scene, holdfast, client, options));
}

async function play(
  scene: TwinScene,
  holdfast: RunningHoldfast,
  client: HoldfastClient,
  options: ActOptions,
): Promise<Stage> {
  const { stack, flink, events, run, blankRun } = scene;
  const { narrator } = options;
  const say = narrator.say;
  say('demo', `job "${FLINK_NAME}" is run ${run}; its twin without Holdfast is run ${blankRun}`);
  if (holdfast.ui !== null) say('demo', `Temporal UI: ${holdfast.ui}`);
  await Promise.all([
    flink.checkpointed(run, CHECKPOINTS_BEFORE),
    flink.checkpointed(blankRun, CHECKPOINTS_BEFORE),
  ]);
  await until(
    'the watch knows the job',
    async () => ((await client.ledger(CLUSTER))?.[JOB]?.runs.length ?? 0) > 0,
  );
  say('Holdfast', 'the watch has the job and its checkpoints in the ledger');

  const nameNode = stack.server('namenode');
  const killed = narrator.seconds();
  await nameNode.kill();
  say('demo', 'killed the NameNode (SIGKILL)');
  await tellStates(flink, run, narrator);
  const newestCompleted = (await flink.checkpoints(run)).newest?.path ?? 'none';
  say('Flink', `gave up: FAILED, HA data deleted. Its newest completed checkpoint was ${newestCompleted}`);
  await flink.reaches(blankRun, 'FAILED');

  const alerted = new Date();
  await postAlert(holdfast, alerted);
  say('demo', 'Alertmanager sends its alert');
  const following = follow(client, narrator);
  const caseLink = (await until('the case is open', () => client.caseOf(JOB))).summary.link;
  if (caseLink !== null) say('demo', `the case in the Temporal UI: ${caseLink}`);
  const wanted = options.failedAttempts ?? 2;
  await until('attempts have failed', async () => (await client.status(JOB)).failures.length >= wanted, {
    every: 200,
  });

  say('demo', 'starting the NameNode again');
  await nameNode.start({ wait: false });
  await stack.nameNodeUsable();
  const readyAt = Date.now();
  const nameNodeDown = round(narrator.seconds() - killed);
  say(
    'demo',
    `the NameNode is usable again after ${nameNodeDown} s: active, out of safe mode, a probe file written and read`,
  );
  const blankAgain = scene.submitBlank().then((id) => {
    say('demo', `somebody starts "${BLANK_NAME}" again, without its state: run ${id}`);
    return id;
  });

  const running = runningAt(flink, client);
  const resumed = await until(
    'Holdfast has resumed the job',
    async () => {
      const status = await client.status(JOB);
      return status.phase === 'resumed' ? status : undefined;
    },
    { within: 120_000, every: 200 },
  );
  following.stop();
  const { restored } = resumed;
  if (restored === null) throw new Error('the case is resumed and does not say what it restored');
  await flink.running(await blankAgain);
  for (const proof of restored.proofs) say('Holdfast', `proof: ${proof}`);

  const sent = await events.finish();
  say('demo', `the stream ends after ${sent} events; reading both sinks`);
  const broker = stack.endpoints.kafka ?? '';
  const [counts, blank] = await Promise.all([
    checkWindows({ broker, topic: TOPICS.out, events: sent }),
    checkWindows({ broker, topic: TOPICS.blankOut, events: sent }),
  ]);
  const report: ActReport = {
    act: 1,
    outcome: resumed.phase,
    attempts: resumed.failures.length + 1,
    restored: restored.point,
    newestCompleted,
    windows: counts.expected,
    missing: counts.missing,
    wrongCounts: counts.wrongCounts,
    wrongTotals: counts.wrongTotals,
    repeated: counts.repeated,
    blank: { wrongCounts: blank.wrongCounts, wrongTotals: blank.wrongTotals },
    seconds: {
      nameNodeDown,
      readyToSubmitted: round((restored.submittedAt - readyAt) / 1000),
      readyToRunning: round(((await running) - readyAt) / 1000),
      total: narrator.seconds(),
    },
  };
  return {
    stack,
    report,
    checks: { counts, blank },
    urls: { case: caseLink, temporalUi: holdfast.ui, flink: flink.base },
  };
}

/** Tells each state of the run until Flink has given up. */
async function tellStates(flink: FlinkRest, run: string, { say }: Narrator): Promise<void> {
  let last = '';
  await until(
    'Flink gives the job up',
    async () => {
      const { state } = await flink.job(run);
      if (state !== last) say('Flink', `${FLINK_NAME}: ${state}`);
      last = state;
      return state === 'FAILED';
    },
    { every: 50 },
  );
}

/** When all tasks of the run that Holdfast submits are running, epoch milliseconds. */
async function runningAt(flink: FlinkRest, client: HoldfastClient): Promise<number> {
  const run = await until('Holdfast has submitted', async () => (await client.status(JOB)).restored?.run, {
    every: 100,
  });
  await flink.running(run, { every: 100 });
  return Date.now();
}
