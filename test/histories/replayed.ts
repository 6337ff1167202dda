/** Replays histories against workflow code, as a worker does with the open cases of the version before. */
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { Worker, type InjectedSinks, type ReplayWorkerOptions } from '@temporalio/worker';
import { createLog } from '../../worker/logger.js';
import { installRuntime } from '../../worker/run.js';
import type { Execution } from './recorded.js';
import { scrubber } from '../../worker/scrub.js';

/** One that does not replay. */
export interface Failed {
  readonly course: string;
  readonly workflowId: string;
  /** Events that were replayed. */
  readonly events: number;
  readonly why: string;
}

/** What workflow code may tell while it is replayed, when a test has bent it to. */
export type Sinks = Record<string, Record<string, (what: string) => void>>;

/** The executions that do not replay against this code; one worker replays them all. */
export async function replayed(
  code: string,
  executions: readonly Execution[],
  sinks?: InjectedSinks<Sinks>,
): Promise<readonly Failed[]> {
  installRuntime(createLog(scrubber([]), { level: 'silent' }));
  const options: ReplayWorkerOptions = { workflowBundle: { code }, ...(sinks === undefined ? {} : { sinks }) };
  const histories = executions.map(({ workflowId, history }) => ({ workflowId, history }));
  const failed: Failed[] = [];
  let at = 0;
  // Results come in the order of the histories.
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
    const of = executions[at++];
    if (of?.workflowId !== workflowId)
      throw new Error(`expected the replay of ${of?.workflowId}, found that of ${workflowId}`);
    const events = of.history.events?.length ?? 0;
    if (error !== undefined) failed.push({ course: of.course, workflowId, events, why: error.message });
  }
  if (at !== executions.length) throw new Error(`${executions.length} histories were given, ${at} replayed`);
  return failed;
}

/**
 * The history as it stood after each of its workflow tasks, while the case was still open: with the commands of that
 * task, and nothing of what came of them.
 */
export function truncations({ events = [] }: History): readonly History[] {
  const list = events ?? [];
  const cuts = list.flatMap((e, i) => (i > 5 && e.workflowTaskScheduledEventAttributes ? [i] : []));
  return cuts.map((cut) => ({ events: list.slice(0, cut) }));
}
