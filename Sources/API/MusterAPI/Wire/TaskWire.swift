package import MusterWire

/// One task of a job as `GET /v1/jobs/{id}/tasks` lists it.
package struct TaskStatus: Hashable, WireType, WireListed {
    /// What the route tells of; results tell of tasks that are over.
    package enum State: String, CaseIterable, Sendable { case running, retrying }

    package var task: Int
    package var state: State
    /// Who has it, or where it failed last; empty when that member is gone.
    package var worker: String
    /// That is under way, or the next one.
    package var attempt: Int
    /// Since the worker was given it; of one that is to be tried again, until then: 0 for one that waits for another worker.
    package var seconds: Double

    package init(task: Int, state: State, worker: String, attempt: Int, seconds: Double) {
        (self.task, self.state, self.worker, self.attempt) = (task, state, worker, attempt)
        self.seconds = seconds
    }

    package static let place = "tasks."
    package static let blank = TaskStatus(task: 0, state: .running, worker: "", attempt: 1, seconds: 0)
    package static let schemaName = "Task"
    package static let listName = "tasks"
    package static let listSchemaName = "Tasks"
    package static let listFields = madeListFields
    package static let fields: [WireField<TaskStatus>] = [
        .must("task", \.task, .integer, "From 0."),
        .must("state", \.state, .choice),
        .always(
            "worker", \.worker, .prose, "Who has it, or where it failed last; empty when that member is gone."),
        .always("attempt", \.attempt, .integer(1...Int.max), "That is under way, or the next one."),
        .always("seconds", \.seconds, .seconds, "Since the worker was given it, or until it may be tried again."),
    ]
}
