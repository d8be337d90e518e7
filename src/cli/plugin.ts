/**
 * Whether kubectl has started us, as its plugin: `kubectl remora …` starts `kubectl-remora …`
 * (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/).
 */
export const isPlugin = process.env.REMORA_STARTED_AS === 'kubectl-remora'
// What we start in turn was not.
delete process.env.REMORA_STARTED_AS
