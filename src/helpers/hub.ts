import { z } from 'zod'
import { helper, namespace, sandboxHelper, typed } from './helper.ts'

export const hub = namespace('hub', 'The component that all workers talk to.', {
  action: sandboxHelper({
    effect: 'hub',
    doc: 'Sends a copy of an object to the hub, where `onHubAction` of every active script is called. Does not wait. Throws when the object has more than 1 MiB as JSON.',
    params: {
      action: z.string().describe('What it is about; choose a word that no other script uses'),
      object: typed('any').optional().describe('What JSON can say of it arrives'),
    },
    returns: z.void(),
    example: `hub.action('shop-calls', { node: utils.nodeName(), calls: 3 })`,
  }),
  targeted: helper({
    doc: 'Pods under capture and pods left out, as JSON text: `{"targets": [pod …], "excluded": [pod …]}`.',
    params: {},
    returns: z.string(),
    example: `var pods = JSON.parse(hub.targeted())\nconsole.log(pods.targets.length, 'pods are captured')`,
    async run(_, host) {
      const { targets, excluded } = await host.targeted()
      return JSON.stringify({ targets, excluded })
    },
  }),
  blockPod: helper({
    effect: 'hub',
    doc: 'Cuts a pod off the network, for `scripting.enforcement.ttl`, and returns what came of it as text: `blocking is disabled` without `scripting.allowEnforcement`. The same as `policy.apply({ block: { pod, namespace } })`.',
    params: {
      podName: z.string().describe('Name of the pod'),
      namespace: z.string().describe('Its namespace'),
    },
    returns: z.string(),
    example: `console.log(hub.blockPod('cart-6b5f', 'shop'))`,
    target: ({ podName, namespace }) => ({ text: `block pod ${namespace}/${podName}`, hosts: [] }),
    async run({ podName: pod, namespace }, { policies }) {
      const rule = { block: { pod, namespace } }
      return (await policies.ask({ ask: 'apply', rule, by: policies.by })).text
    },
  }),
  unblockPod: helper({
    effect: 'hub',
    doc: 'Takes back what `hub.blockPod` has done, and returns what came of it as text.',
    params: {
      podName: z.string().describe('Name of the pod'),
      namespace: z.string().describe('Its namespace'),
    },
    returns: z.string(),
    example: `console.log(hub.unblockPod('cart-6b5f', 'shop'))`,
    target: ({ podName, namespace }) => ({ text: `unblock pod ${namespace}/${podName}`, hosts: [] }),
    run: async ({ podName: pod, namespace }, { policies }) =>
      (await policies.ask({ ask: 'unblock', pod, namespace, by: policies.by })).text,
  }),
})
