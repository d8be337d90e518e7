/** A pod of a hub, as the chart labels it, that is ready. */
export function hubPod(release: string, port = 'api'): object {
  return {
    metadata: {
      labels: {
        'app.kubernetes.io/name': 'remora',
        'app.kubernetes.io/component': 'hub',
        'app.kubernetes.io/instance': release,
      },
    },
    spec: { containers: [{ name: 'hub', image: 'remora', ports: [{ name: port, containerPort: 8899 }] }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  }
}
