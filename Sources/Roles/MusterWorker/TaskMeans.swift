package import MusterKernels

/// What a worker has for tasks beyond its own processor.
package struct TaskMeans: Sendable {
    /// Nil without an engine.
    package var containers: (any TaskContainers)?
    /// Nil where its owner has not allowed it.
    package var commands: (any TaskCommands)?
    /// Nil where no files can be carried.
    var files: WorkerFiles?

    package init(containers: (any TaskContainers)? = nil, commands: (any TaskCommands)? = nil) {
        (self.containers, self.commands) = (containers, commands)
    }

    /// The names of the kernels that it can run.
    var kernels: [String] {
        KernelTable.names.filter { name in
            switch name {
            case ContainerKernel.name: containers != nil
            case ExecKernel.name: commands != nil
            default: true
            }
        }
    }

    func equip(_ kernel: any Kernel) -> any Kernel {
        switch kernel {
        case let kernel as ContainerKernel: kernel.on(containers)
        case let kernel as ExecKernel: kernel.on(commands, files?.courier())
        default: kernel
        }
    }
}
