internal import MusterAPI
internal import MusterHTTP
internal import MusterKernels

extension Coordinator {
    /// Tuples, given or made up, dealt to the workers that live at the job's adding.
    func assignAll(_ request: HTTPRequest) throws -> HTTPOutcome {
        try createJob(request, isDealt: true) { body throws(Problem) in
            let job = try AssignRequest(body: body).job
            try KernelTable.check(job)
            return job
        }
    }
}
