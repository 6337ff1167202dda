import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { root } from '../stack/root.js';
import { CASE, JOB, openCases, said, type Cases } from '../test/support/cases.js';
import { machine, median, row, type BenchOptions, type BenchReport } from './report.js';
import type { noOpSteps } from './no-op-steps.js';

const PAIRS = 60;
/** Pairs before the measured ones: the server and both workers compile what they do often. */
const WARM_UP = 10;
const QUEUE = 'no-op-steps';

/**
 * What a recovery costs when everything outside answers at once: real workflow, real steps, search attributes, messages,
 * over a world in memory; from the alert to the end, without a soak. Against a workflow of the same number
 * of steps that do nothing, on the same server, in turns.
 */
export async function run({ onProgress = () => undefined }: BenchOptions = {}): Promise<BenchReport> {
  const cases = await openCases();
  const steps = await stepsOf(cases);
  const { workflowBundle, connection } = await baselineParts(cases);
  const worker = await Worker.create({
    connection,
    taskQueue: QUEUE,
    workflowBundle,
    activities: { nothing: () => Promise.resolve() },
  });
  const running = worker.run();
  try {
    const ours: number[] = [];
    const baseline: number[] = [];
    for (let pair = 0; pair < WARM_UP + PAIRS; pair++) {
      await cases.outside({ soak: 0 });
      const took = { ours: 0, baseline: 0 };
      const turns = [
        async () => (took.ours = await timed(() => recover(cases, pair))),
        async () => (took.baseline = await timed(() => doNothing(cases, pair, steps))),
      ];
      // Each begins every other pair: making the world leaves work to the garbage collector.
      for (const turn of pair % 2 === 0 ? turns : turns.toReversed()) await turn();
      if (pair < WARM_UP) continue;
      ours.push(took.ours);
      baseline.push(took.baseline);
      if (ours.length % 20 === 0)
        onProgress(
          `${ours.length} pairs: recovery ${median(ours).toFixed(0)} ms, no-op steps ${median(baseline).toFixed(0)} ms`,
        );
    }
    return {
      scenario: 'overhead',
      machine: machine('Temporal CLI 1.9.1', 'SDK 1.24.0'),
      rows: [row(`recovery of ${steps} steps`, median(ours), median(baseline), 'ms', 1.5)],
    };
  } finally {
    worker.shutdown();
    await running;
    await connection.close();
    await cases.close();
  }
}

async function recover(cases: Cases, n: number): Promise<void> {
  await cases.client.recover(JOB, { ...said, requestId: `bench-${n}` });
  const { outcome } = await cases.end();
  if (outcome !== 'resumed') throw new Error(`expected a recovery, found a case that ended as ${outcome}`);
}

const doNothing = (cases: Cases, n: number, steps: number): Promise<void> =>
  cases.raw.workflow.execute<typeof noOpSteps>('noOpSteps', {
    workflowId: `no-op-${n}`,
    taskQueue: QUEUE,
    args: [steps],
  });

/** How many steps a recovery without trouble has, counted in the history of one. */
async function stepsOf(cases: Cases): Promise<number> {
  await cases.outside({ soak: 0 });
  await recover(cases, -1);
  const { events } = await cases.raw.workflow.getHandle(CASE).fetchHistory();
  const isStep = (e: NonNullable<typeof events>[number]): boolean =>
    Boolean(e.activityTaskScheduledEventAttributes ?? e.markerRecordedEventAttributes);
  return (events ?? []).filter(isStep).length;
}

async function baselineParts(cases: Cases) {
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(root, 'dist', 'bench', 'no-op-steps.js'),
    logger: new DefaultLogger('WARN'),
  });
  const { address } = cases.temporal.config.temporal;
  return { workflowBundle, connection: await NativeConnection.connect({ address }) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
