import { PageHeader } from '../../components/page-header.tsx'

export function ConsolePage() {
  return <PageHeader title="Console" />
}
