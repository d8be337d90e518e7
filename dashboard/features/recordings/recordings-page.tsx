import { PageHeader } from '../../components/page-header.tsx'

export function RecordingsPage() {
  return <PageHeader title="Recordings" />
}
