import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';
import type { Logger } from '@temporalio/common';

/**
 * The workflow code: built beforehand when this runs from `dist/` (50 ms instead of seconds), else bundled from the
 * sources.
 * @throws Error when it runs from `dist/` and the bundle is missing: a bundle made from other sources would not replay.
 */
export async function workflowBundle(logger: Logger): Promise<WorkflowBundleOption> {
  if (import.meta.url.endsWith('.js')) {
    const codePath = fileURLToPath(new URL('../workflows-bundle.js', import.meta.url));
    if (existsSync(codePath)) return { codePath };
    throw new Error(`the workflow bundle is missing at ${codePath}: run npm run build`);
  }
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    logger,
  });
}
