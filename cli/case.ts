import type { CaseView } from '../client/index.js';
import { casePage } from './case-page.js';
import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './program.js';
import type { Terminal } from './terminal.js';
import { clock } from './words.js';

export async function showCase(
  id: string,
  options: CommonOptions & { readonly run?: string },
  terminal: Terminal,
): Promise<ExitCode> {
  return withClient(options, async (client) => {
    const view = await client.caseOf(id, options.run);
    if (options.json === true) terminal.write(JSON.stringify(view));
    else for (const line of page(view, terminal)) terminal.write(line);
    return EXIT.done;
  });
}

function page(
  { summary, status, withoutStatus, end, failure }: CaseView,
  terminal: Terminal,
): readonly string[] {
  const lines =
    status === null
      ? [
          `${terminal.paint('bold', summary.workflowId)}: ${summary.state}${summary.phase === null ? '' : `, ${summary.phase}`}`,
          `  opened ${clock(summary.openedAt)} UTC`,
          ...(summary.link === null ? [] : [`  ${summary.link}`]),
          ...(withoutStatus === null ? [] : [`  ${withoutStatus}`]),
        ]
      : [...casePage(status, summary.link, terminal, summary.closedAt ?? Date.now())];
  if (summary.closedAt !== null) lines.push('', `Ended ${clock(summary.closedAt)} UTC: ${summary.state}`);
  if (end !== null) {
    lines.push(`  ${end.outcome} after ${end.attempts} attempts: ${end.because}`);
    if (end.link !== null) lines.push(`  goes on as ${end.link}`);
  }
  if (failure !== null) lines.push(`  ${terminal.paint('red', failure.code)}: ${failure.message}`);
  return lines;
}
