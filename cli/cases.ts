import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import { table } from './table.js';
import type { Terminal } from './terminal.js';
import { clock, lasting } from '../domain/words.js';

export async function cases(
  job: string | undefined,
  options: CommonOptions & { readonly limit: number },
  terminal: Terminal,
): Promise<ExitCode> {
  return withClient(options, async (client) => {
    const found = await client.cases({ limit: options.limit, ...(job === undefined ? {} : { job }) });
    if (options.json === true) {
      terminal.write(JSON.stringify({ cases: found }));
      return EXIT.done;
    }
    if (found.length === 0) {
      terminal.note('no case is remembered');
      return EXIT.done;
    }
    const now = Date.now();
    const rows = found.map((c) => [
      c.workflowId,
      c.state,
      c.phase ?? '',
      clock(c.openedAt),
      c.closedAt === null
        ? `open for ${lasting(now - c.openedAt)}`
        : `took ${lasting(c.closedAt - c.openedAt)}`,
      c.link ?? c.runId,
    ]);
    terminal.write(table(['case', 'state', 'phase', 'opened (UTC)', '', ''], rows, terminal));
    return EXIT.done;
  });
}
