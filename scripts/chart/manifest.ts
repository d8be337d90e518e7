import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../imports.ts'

/** deploy/remora.yaml: what the chart makes with its defaults, for those who have no Helm. */
export async function plainManifest(helm: string): Promise<string> {
  const values = ['--set', 'auth.existingSecret=remora-secret']
  const args = [
    'template',
    'remora',
    join(ROOT, 'deploy/helm/remora'),
    '--include-crds',
    '-n',
    'remora',
    ...values,
  ]
  const { stdout } = await promisify(execFile)(helm, args, { maxBuffer: 16 << 20 })
  const objects = stdout
    .replaceAll(/^# Source: .*\n/gm, '')
    .replaceAll('app.kubernetes.io/managed-by: Helm', 'app.kubernetes.io/managed-by: kubectl')
    .replaceAll(/^ *helm\.sh\/chart: .*\n/gm, '')
    // Trailing spaces of templates.
    .replaceAll(/^ +$\n/gm, '')
  return `${HEAD}${NAMESPACE}${objects}`
}

const HEAD = `# Remora as its chart installs it by default on Kubernetes 1.27 or newer (the chart itself takes 1.25). Written by \`npm run gen\` from deploy/helm/remora.
# Set the image to the one that you have built (deploy/image/build.sh), and make the secret first, in which the token of the
# administrator and the password of NATS are (which begins with a letter):
#
#   kubectl create namespace remora
#   kubectl -n remora create secret generic remora-secret \\
#     --from-literal=HUB_TOKEN=$(openssl rand -hex 24) --from-literal=NATS_PASSWORD=n$(openssl rand -hex 24)
#   sed 's|image: remora:|image: registry.example.com/remora:|' deploy/remora.yaml | kubectl apply -f -
#
# kubectl delete -f takes the namespace along, and all agents with it, and those that are resources. To keep them:
#
#   kubectl -n remora get configmap remora-config-map -o yaml > agents.yaml
#   kubectl get networkagents -A -o yaml > networkagents.yaml
#
`
const NAMESPACE = `---
apiVersion: v1
kind: Namespace
metadata:
  name: remora
  labels:
    # Workers are in the network of their nodes.
    pod-security.kubernetes.io/enforce: privileged
`
