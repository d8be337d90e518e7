import { PageHeader } from '../../components/page-header.tsx'

export function MapPage() {
  return <PageHeader title="Service map" />
}
