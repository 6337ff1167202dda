/** The executions that a course has left on a real Temporal server. */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { until } from '../../stack/wait.js';

export interface ListedExecution {
  readonly workflowId: string;
  readonly runId: string;
  readonly open: boolean;
}

/**
 * Every execution of these workflow ids, the oldest first. Temporal's list comes after what it lists: it is asked until
 * it shows the newest of each id as that is.
 */
export const executionsOf = (raw: Client, ids: readonly string[]): Promise<readonly ListedExecution[]> =>
  until(
    'the list is up to date',
    async () => {
      const newest = await Promise.all(ids.map((id) => newestOf(raw, id)));
      const openNow = new Map(newest.flatMap((n) => (n === null ? [] : [[n.runId, n.open]])));
      const found: (ListedExecution & { readonly started: number })[] = [];
      const query = ids.map((id) => `WorkflowId = '${id}'`).join(' OR ');
      for await (const { workflowId, runId, status, startTime } of raw.workflow.list({ query }))
        found.push({ workflowId, runId, open: status.name === 'RUNNING', started: startTime.getTime() });
      const shown = [...openNow].every(([id, open]) => found.some((f) => f.runId === id && f.open === open));
      // Only the newest of an id can be open.
      const all = found.map((f) => ({ ...f, open: openNow.get(f.runId) ?? false }));
      return shown && all.sort((a, b) => a.started - b.started);
    },
    { every: 20 },
  );

async function newestOf(raw: Client, id: string): Promise<{ runId: string; open: boolean } | null> {
  try {
    const { runId, status } = await raw.workflow.getHandle(id).describe();
    return { runId, open: status.name === 'RUNNING' };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** Ends an execution for the next course; one that has just ended by itself is well, too. */
export async function terminated(raw: Client, { workflowId, runId, open }: ListedExecution): Promise<void> {
  if (!open) return;
  const handle = raw.workflow.getHandle(workflowId, runId);
  await handle.terminate('the course is over').catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  });
}
