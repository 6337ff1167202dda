/** Subtasks of a run by state, as Flink counts them. The job state RUNNING is shown even without a TaskManager; this is not. */
export interface TaskCounts {
  /** Running, or finished as bounded sources do. */
  readonly running: number;
  readonly all: number;
}

export function countTasks(byState: Readonly<Record<string, number>>): TaskCounts {
  const all = Object.values(byState).reduce((sum, n) => sum + n, 0);
  return { running: (byState['RUNNING'] ?? 0) + (byState['FINISHED'] ?? 0), all };
}

export const allRun = ({ running, all }: TaskCounts): boolean => all > 0 && running === all;
