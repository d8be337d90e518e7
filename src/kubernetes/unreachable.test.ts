import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeKubernetes } from '../../test/kube/fake-kubernetes.ts'
import { Mistake } from '../mistake/mistake.ts'
import { authority } from '../testing/authority.ts'
import { hasTools } from '../testing/loopback.ts'
import { rejects } from '../testing/rejects.ts'
import { KubernetesClient } from './client.ts'
import { unreachable } from './unreachable.ts'

describe('an API server that cannot be reached', () => {
  for (const [code, hint] of [
    ['CERT_NOT_YET_VALID', /clock/],
    ['CERT_HAS_EXPIRED', /renewed/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /tls-server-name/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /ca\.crt/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /certificate-authority/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /does not take our certificate/],
    ['ECONNREFUSED', /network policy/],
  ] as const)
    test(`is told with what to look at: ${code}`, () => {
      const mistake = unreachable('it', Object.assign(new Error('why'), { code }))
      assert.ok(mistake instanceof Mistake)
      assert.match(mistake.message, /^it cannot be reached: why$/)
      assert.match(mistake.hint ?? '', hint)
    })

  test('is told of in words of people where it speaks no TLS, or is of another authority', async (t) => {
    const plain = await FakeKubernetes.start(t)
    const https = plain.url.replace('http:', 'https:')
    const mistake = await rejects(
      asked({ ...plain.access(), url: https }),
      'E_KUBERNETES',
      /wrong version number$/,
    )
    assert.match(mistake.hint ?? '', /does not speak TLS/)
    if (!hasTools(t, 'openssl')) return
    const [one, other] = [await authority(t), await authority(t)]
    const secure = await FakeKubernetes.start(t, { tls: await one.sign('kube.test') })
    const told = await rejects(asked({ ...secure.access(), ca: other.cert }), 'E_KUBERNETES', /certificate/)
    assert.match(told.hint ?? '', /of no authority that we trust/)
  })
})

async function asked(access: ConstructorParameters<typeof KubernetesClient>[0]): Promise<unknown> {
  const client = new KubernetesClient(access)
  try {
    return await client.get('/api/v1/namespaces/default')
  } finally {
    await client.close()
  }
}
