internal import MusterFleetCore
internal import MusterHTTP
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling
internal import MusterSpawning
internal import Synchronization

extension Coordinator {
    func metricsPage() -> HTTPOutcome {
        var page = MetricsPage()
        lock.withLock { fleet in
            let counters = fleet.core.scheduler.counters
            page.add("tasks_granted_total", "counter", "Tasks handed out, repeats included.", counters.granted)
            page.add("tasks_recorded_total", "counter", "Tasks with a value recorded.", counters.recorded)
            page.add("tasks_failed_total", "counter", "Tasks recorded as failed for good.", counters.failed)
            page.add("tasks_parked_total", "counter", "Tasks that killed too many workers.", counters.parked)
            page.add("tasks_copied_total", "counter", "Leases given to an idle worker as well.", counters.copied)
            page.add("tasks_retried_total", "counter", "Tasks that failed and were tried again.", counters.retried)
            page.add(
                "tasks_refused_total", "counter", "Tasks that a worker could not run, by its own fault.",
                counters.refused)
            page.add("leases_expired_total", "counter", "Leases that were not renewed in time.", counters.expired)
            page.add("votes_total", "counter", "Votes on tasks that were stored.", counters.votes)
            page.add("votes_confirmed_total", "counter", "Votes that others confirmed.", counters.confirmed)
            page.add("votes_refuted_total", "counter", "Votes that others refuted.", counters.refuted)
            page.add("reports_stale_total", "counter", "Reports of which nothing was wanted any more.", counters.stale)
            page.add("reports_forged_total", "counter", "Reports without a genuine ticket.", counters.forged)
            page.add("jobs_unfinished", "gauge", "Jobs that are not over.", fleet[slice].records.count)
            page.add("tasks_waiting", "gauge", "Tasks in line.", fleet.core.scheduler.waitingTaskCount)
            page.add("tasks_leased", "gauge", "Tasks under a lease.", fleet.core.scheduler.leasedTaskCount)
            page.add("lease_calls_held", "gauge", "Workers that wait for work.", fleet[slice].calls.count)
        }
        page.add("store_in_trouble", "gauge", "1 while the store refuses writes.", health.trouble == nil ? 0 : 1)
        lock.withLock { fleet in for service in services { service.addMetrics(to: &page, fleet) } }
        page.add(listener.statistics)
        return .respond(page.response)
    }
}
