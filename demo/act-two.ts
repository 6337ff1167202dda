/** Act two: a DataNode dies, Flink leaves an empty job result and is stuck; Holdfast names it, asks, and repairs it. */
import type { HoldfastClient } from '../client/index.js';
import type { Repair } from '../domain/repair.js';
import { checkWindows, until, type CheckResult, type FlinkVersion, type Stack } from '../stack/index.js';
import { follow, postAlert, round } from './follow.js';
import { type RunningHoldfast } from './holdfast.js';
import { playOn } from './stage.js';
import type { Narrator } from './narrator.js';
import { CLUSTER, FLINK_NAME, JOB, openHeldScene, TOPICS, type Scene } from './scene.js';

export interface ActTwoReport {
  readonly act: 2;
  readonly outcome: string;
  readonly deadEnd: string;
  /** What was renamed, and to what. */
  readonly repaired: { readonly from: string; readonly to: string };
  /** Submissions by Holdfast: none, Flink recovers by itself. */
  readonly submissions: number;
  /** What Flink restored, and the newest checkpoint that it had completed before. */
  readonly restored: string;
  readonly newestCompleted: string;
  readonly windows: number;
  readonly missing: number;
  readonly wrongCounts: number;
  readonly wrongTotals: number;
  readonly repeated: number;
  readonly seconds: {
    readonly dataNodeDown: number;
    /** From the DataNode's return to the question: the empty file must have been left alone for two minutes. */
    readonly backToAsked: number;
    /** From the approval to all tasks running: the supervisor's next try of the JobManager included. */
    readonly approvedToRunning: number;
    readonly total: number;
  };
}

export interface StageTwo {
  readonly stack: Stack;
  readonly report: ActTwoReport;
  readonly checks: { readonly counts: CheckResult };
  readonly urls: { readonly case: string | null; readonly temporalUi: string | null; readonly flink: string };
}

export interface ActTwoOptions {
  readonly flink: FlinkVersion;
  readonly narrator: Narrator;
}

const CHECKPOINTS_BEFORE = 5;

export async function actTwo({ flink, narrator }: ActTwoOptions): Promise<StageTwo> {
  narrator.say('stack', `starting ZooKeeper, HDFS, Kafka and Flink ${flink} on free ports of 127.0.0.1`);
  const scene = await openHeldScene({ flink });
  return playOn('act two', scene, (holdfast, client) => play(scene, holdfast, client, narrator));
}

async function play(
  scene: Scene,
  holdfast: RunningHoldfast,
  client: HoldfastClient,
  narrator: Narrator,
): Promise<StageTwo> {
  const { stack, flink, events, run } = scene;
  const { say } = narrator;
  say('demo', `job "${FLINK_NAME}" is run ${run}; HA data and job results lie on the HDFS that will fail`);
  if (holdfast.ui !== null) say('demo', `Temporal UI: ${holdfast.ui}`);
  await flink.checkpointed(run, CHECKPOINTS_BEFORE);
  await until(
    'the watch knows the job',
    async () => ((await client.ledger(CLUSTER))?.[JOB]?.runs.length ?? 0) > 0,
  );
  say('Holdfast', 'the watch has the job and its checkpoints in the ledger');

  const [dataNode, jobManager] = [stack.server('datanode'), stack.server('jobmanager')];
  const killed = narrator.seconds();
  await dataNode.kill();
  const newestCompleted = (await flink.checkpoints(run)).newest?.path ?? 'none';
  say('demo', `killed the DataNode (SIGKILL); the newest completed checkpoint is ${newestCompleted}`);
  await postAlert(holdfast, new Date());
  const following = follow(client, narrator);
  const caseLink = (await until('the case is open', () => client.caseOf(JOB))).summary.link;
  if (caseLink !== null) say('demo', `the case in the Temporal UI: ${caseLink}`);

  const store = new URL(stack.flink.places.jobResults).pathname;
  const result = `${store}/${run}_DIRTY.json`;
  await until('Flink gives up', async () => (await stack.hdfs.files.stat(result))?.length === 0, {
    within: 240_000,
    every: 500,
  });
  say('Flink', `gave the job up, and could not write its result: ${result} has 0 bytes`);
  await until('the JobManager gives up', () => jobManager.exits.at(-1)?.code === 239, { within: 120_000 });
  say('Flink', 'the JobManager exits with code 239; its supervisor starts it again, and again');
  await until('Holdfast has named it', async () => (await client.status(JOB)).situation?.is === 'dead-end', {
    within: 60_000,
  });
  await dataNode.start();
  const backAt = narrator.seconds();
  say('demo', 'the DataNode is back, HDFS is healthy; the JobManager still cannot start');

  const question = await until(
    'Holdfast proposes the repair',
    async () => {
      const status = await client.status(JOB);
      return status.phase === 'asking' ? status.question : undefined;
    },
    { within: 240_000, every: 300 },
  );
  if (question === null || question.approves === null)
    throw new Error(`Holdfast asks, and proposes no repair: ${question?.text ?? 'no question'}`);
  const backToAsked = round(narrator.seconds() - backAt);
  const approvedAt = narrator.seconds();
  say('demo', `somebody approves: ${question.approves}`);
  await client.approve(JOB, { by: 'demo', reason: 'the DataNode is back', question: question.id });
  await flink.running(run, { within: 120_000 });
  const approvedToRunning = round(narrator.seconds() - approvedAt);
  say('Flink', `all tasks of run ${run} run again`);
  const end = await until('the case is over', async () => (await client.caseOf(JOB)).end ?? undefined, {
    within: 120_000,
    every: 300,
  });
  following.stop();
  say('Holdfast', `closed as ${end.outcome}: ${end.because}`);
  const repair = (await client.status(JOB)).repairs.at(-1);
  if (repair === undefined) throw new Error('the case is over and does not say what it repaired');
  const restored = (await flink.checkpoints(run)).restored?.path ?? 'nothing';

  const sent = await events.finish();
  say('demo', `the stream ends after ${sent} events; reading the sink`);
  const counts = await checkWindows({
    broker: stack.endpoints.kafka ?? '',
    topic: TOPICS.out,
    events: sent,
  });
  return {
    stack,
    report: reportOf({
      outcome: end.outcome,
      submissions: end.restored === null ? 0 : 1,
      repair,
      restored,
      newestCompleted,
      counts,
      seconds: {
        dataNodeDown: round(backAt - killed),
        backToAsked,
        approvedToRunning,
        total: narrator.seconds(),
      },
    }),
    checks: { counts },
    urls: { case: caseLink, temporalUi: holdfast.ui, flink: flink.base },
  };
}

function reportOf(
  seen: Pick<ActTwoReport, 'outcome' | 'submissions' | 'restored' | 'newestCompleted' | 'seconds'> & {
    readonly repair: Repair;
    readonly counts: CheckResult;
  },
): ActTwoReport {
  const { repair, counts, outcome, submissions, restored, newestCompleted, seconds } = seen;
  return {
    act: 2,
    outcome,
    deadEnd: repair.deadEnd.is,
    repaired: { from: repair.from, to: repair.to },
    submissions,
    restored,
    newestCompleted,
    windows: counts.expected,
    missing: counts.missing,
    wrongCounts: counts.wrongCounts,
    wrongTotals: counts.wrongTotals,
    repeated: counts.repeated,
    seconds,
  };
}
