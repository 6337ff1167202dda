/** Dead ends: places where Flink cannot get on by itself although its dependencies are healthy (design, 4.4). A closed list. */
import type { RunId } from './ids.js';

export type DeadEnd =
  | { readonly is: 'EmptyJobResult'; readonly run: RunId; readonly path: string }
  | { readonly is: 'UnreadableHaEntry'; readonly run: RunId; readonly znode: string }
  | { readonly is: 'RestoreLoop'; readonly run: RunId; readonly point: string }
  | { readonly is: 'NoJobManager' }
  | { readonly is: 'NoTaskManager' }
  | { readonly is: 'JobManagerIgnoresHa'; readonly run: RunId };

/** What it is and what helps, for people. */
export function explain(deadEnd: DeadEnd): string {
  switch (deadEnd.is) {
    case 'EmptyJobResult':
      return `${deadEnd.path} is empty: it was created while no DataNode could take its content, and every JobManager stops at it. The repair is to rename it aside; ZooKeeper still holds the job.`;
    case 'UnreadableHaEntry':
      return `the HA file behind ${deadEnd.znode} cannot be read. Flink advises to clean the entry; do that only when the storage is proved healthy.`;
    case 'RestoreLoop':
      return `Flink restarts run ${deadEnd.run} for ever from ${deadEnd.point}, which is proved broken.`;
    case 'NoJobManager':
      return 'no JobManager runs, and nothing is configured to start one.';
    case 'NoTaskManager':
      return 'the JobManager is there, but no TaskManager has registered.';
    case 'JobManagerIgnoresHa':
      return `the JobManager leads, but does not start run ${deadEnd.run} that ZooKeeper holds.`;
  }
}
