import type { Deps } from './deps.js';
import { configuredJob } from './job.js';

/** Milliseconds between two looks at the hold. */
const EVERY = 5_000;

/** Waits until no standing hold is on the job any more. A look that fails is no release. */
export async function awaitRelease(
  deps: Deps,
  input: { readonly job: string },
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<void> {
  const { name, clusterName } = configuredJob(deps, input.job);
  for (;;) {
    const held = await deps.standingHold(clusterName, name, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return { unseen: error instanceof Error ? error.message : String(error) };
    });
    if (held === null) return;
    heartbeat(held);
    await deps.ports.clock.sleep(EVERY, signal);
  }
}
