/** The page of a workflow in the Temporal UI; null when no UI is configured. */
export function caseLink(
  temporal: { readonly ui: string | null; readonly namespace: string },
  workflowId: string,
  runId?: string,
): string | null {
  if (temporal.ui === null) return null;
  const page = `${temporal.ui}/namespaces/${encodeURIComponent(temporal.namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  return runId === undefined ? page : `${page}/${runId}/timeline`;
}
