/// One task of a job as `GET /v1/jobs/{id}/tasks` lists it.
package struct TaskStatus: Hashable, Sendable {
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

    package init(_ value: JSONValue) throws(Problem) {
        var fields = try JSONFields(value, path: "tasks.")
        task = try fields.required("task", fields.int("task", in: 0...Int.max))
        state = try fields.required("state", fields.choice("state", State.self))
        worker = try fields.string("worker") ?? ""
        attempt = try fields.int("attempt", in: 1...Int.max) ?? 1
        seconds = try fields.double("seconds", in: 0...1e15) ?? 0
    }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("task", task)
        json.field("state", state.rawValue)
        json.field("worker", worker)
        json.field("attempt", attempt)
        json.field("seconds", seconds)
        json.endObject()
    }
}
