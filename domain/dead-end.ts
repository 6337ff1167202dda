/** Dead ends: places where Flink cannot get on by itself although its dependencies are healthy (design, 4.4). A closed list. */
import type { RunId } from './ids.js';

export type DeadEnd =
  | { readonly is: 'EmptyJobResult'; readonly run: RunId; readonly path: string }
  /** `file`: the HA file that is gone. `point`: the checkpoint that it named. */
  | {
      readonly is: 'UnreadableHaEntry';
      readonly run: RunId;
      readonly znode: string;
      readonly file: string;
      readonly point: string;
    }
  /** `file`: the HA file with the job graph or plan, or the directory of its jar, that is gone. */
  | {
      readonly is: 'UnreadableJobGraph';
      readonly run: RunId;
      readonly znode: string;
      readonly file: string;
    }
  | { readonly is: 'RestoreLoop'; readonly run: RunId; readonly point: string }
  /** `leader`: whom ZooKeeper names as leader all the same; null: nobody. */
  | { readonly is: 'NoJobManager'; readonly run: RunId; readonly leader: string | null }
  | { readonly is: 'NoTaskManager'; readonly run: RunId }
  | { readonly is: 'JobManagerIgnoresHa'; readonly run: RunId }
  /** `found`: what is there instead of a job result. */
  | {
      readonly is: 'UnreadableJobResult';
      readonly run: RunId;
      readonly path: string;
      readonly found: string;
    };

/**
 * How long (milliseconds) it must have looked like this before it is one: longer than a supervisor's next try, an
 * election (Flink's session time-out is 60 s) and a rolling restart take. A lost HA file needs two looks, each with
 * the storage proved usable. What is proved by itself needs no time.
 */
export const LASTS: Readonly<Record<DeadEnd['is'], number>> = {
  EmptyJobResult: 0,
  RestoreLoop: 0,
  UnreadableHaEntry: 30_000,
  UnreadableJobGraph: 30_000,
  NoJobManager: 180_000,
  NoTaskManager: 180_000,
  JobManagerIgnoresHa: 120_000,
  UnreadableJobResult: 30_000,
};

/** What it is and what helps, for people. */
export function explain(deadEnd: DeadEnd): string {
  switch (deadEnd.is) {
    case 'EmptyJobResult':
      return `${deadEnd.path} is empty: it was created while no DataNode could take its content, and every JobManager stops at it. The repair is to rename it aside; ZooKeeper still holds the job.`;
    case 'UnreadableHaEntry':
      return `the HA file ${deadEnd.file} behind ${deadEnd.znode} is gone, and the storage is proved healthy: every JobManager stops at it.`;
    case 'UnreadableJobGraph':
      return `${deadEnd.file}, which the job graph ${deadEnd.znode} needs, is gone, and the storage is proved healthy: every JobManager stops at it, also for all other jobs. ${forgetting(deadEnd)}`;
    case 'RestoreLoop':
      return `Flink restarts run ${deadEnd.run} for ever from ${deadEnd.point}, which is proved broken.`;
    case 'NoJobManager':
      return deadEnd.leader === null
        ? 'no JobManager leads, although ZooKeeper holds the job and the storage is proved healthy: nothing starts one.'
        : `ZooKeeper names ${deadEnd.leader} as leader, but no JobManager answers here: compare flink.rest with it, and look at the network between.`;
    case 'NoTaskManager':
      return `the JobManager leads and has run ${deadEnd.run}, but no TaskManager has registered: start TaskManagers; the job then goes on by itself.`;
    case 'JobManagerIgnoresHa':
      return `the JobManager leads, but does not start run ${deadEnd.run} that ZooKeeper holds with its checkpoints: restart the JobManager, and read its log. Submitting the job beside it would make two.`;
    case 'UnreadableJobResult':
      return `${deadEnd.path} has content that is no job result (${deadEnd.found}): every JobManager reads it when it starts, and stops at it. What it was to say, nobody can tell: that the run has failed, or that somebody ended it. Holdfast does not touch it. If nobody ended the job, stop whatever starts the JobManager, keep a copy of the file, move it out of the directory, and start the JobManager: it brings the job back from ZooKeeper. If somebody did, cancel the job then.`;
  }
}

/**
 * What a person can do about a lost HA file, with the consequences. Holdfast does neither: a wrong entry removed is a
 * job started from an older checkpoint.
 * @param verdict of the checkpoint that the entry named, in one sentence.
 */
export function waysOut(
  deadEnd: Extract<DeadEnd, { is: 'UnreadableHaEntry' }>,
  sound: boolean,
  verdict: string,
): string {
  const { znode, point } = deadEnd;
  const only = `Stop the JobManager, run "deleteall ${znode}" in zkCli.sh, start it: Flink goes on from the next older checkpoint in ZooKeeper; everything since is read again, and what the sink already got comes again.`;
  const root = /^(.*)\/(?:jobs\/[0-9a-f]{32}\/checkpoints|checkpoints\/[0-9a-f]{32})\/\d+$/.exec(znode)?.[1];
  if (!sound || root === undefined) return `${only} ${point} is ${verdict}: nothing newer can be restored.`;
  return `${point} itself is ${verdict}, so nothing has to be lost. ${forget(root, deadEnd.run)}, then retry: the old run cannot start any more, and Holdfast restores ${point} under a new id${ASKS}. Or, with more to replay: ${only}`;
}

/** Nothing in a job graph is state, so what a person can do needs no choice. */
function forgetting({ znode, run }: Extract<DeadEnd, { is: 'UnreadableJobGraph' }>): string {
  const root = znode.replace(/\/(?:jobgraphs|execution-plans)\/[0-9a-f]{32}$/, '');
  return `No checkpoint is lost by that. ${forget(root, run)}, then retry: the old run cannot start any more, and Holdfast restores the newest sound point under a new id${ASKS}.`;
}

/** A run that was last seen alive may also have been stopped on purpose. */
const ASKS = ', after one more question if nobody has seen the run end';

/** What makes Flink forget a run: the files of its checkpoints stay. */
function forget(root: string, run: RunId): string {
  const nodes = [`${root}/jobgraphs/${run}`, `${root}/execution-plans/${run}`, `${root}/jobs/${run}`];
  const commands = nodes.map((node) => `"deleteall ${node}"`).join(', ');
  return `Stop the JobManager, let Flink forget the run in zkCli.sh (${commands}; those that are there), start it`;
}
