"""The same jobs on a Ray cluster: `vb-perception evaluate --ray`.  Sources and results lie on storage all nodes see."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vb_perception.errors import ConfigError
from vb_perception.evaluation.command_arguments import LOCAL
from vb_perception.evaluation.many import Job, Result, Runner, evaluate_job
from vb_perception.evaluation.settings import Settings


def on_ray(address: str, cpus_a_source: float = 1.0, gpus_a_source: float = 0.0) -> Runner:
    """Runs each source as one Ray task of so many processors and GPUs (Ray hides GPUs from a task that asks for none).

    `address`: of a cluster ("auto": the one that this machine belongs to); "local" starts one here for the run.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers.
    """
    try:
        import ray  # noqa: PLC0415 -- optional: only who asks for a cluster needs it
    except ImportError as error:
        msg = f"--ray: Ray cannot be imported ({error}); install it with `pip install ray`"
        raise ConfigError(msg) from error

    def run(jobs: Sequence[Job], settings: Settings) -> Iterator[Result]:
        if not jobs:
            return
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False if address == LOCAL else None)
        except (ConnectionError, RuntimeError, ValueError) as error:
            msg = (
                f"--ray {address}: no cluster answers ({error}); start one with `ray start --head`, or use --ray local"
            )
            raise ConfigError(msg) from error
        try:
            remote = ray.remote(num_cpus=cpus_a_source, num_gpus=gpus_a_source)(evaluate_job)
            running = {remote.remote(_anywhere(job), settings): job for job in jobs}
            while running:
                (reference,), _ = ray.wait(list(running), num_returns=1)
                job = running.pop(reference)
                try:
                    yield job, ray.get(reference)[1]
                except ray.exceptions.RayError as error:
                    yield job, f"its Ray task died ({type(error).__name__}); run the same command again"
        finally:
            ray.shutdown()

    return run


def _anywhere(job: Job) -> Job:
    """The same with whole paths: another process may stand in another folder."""
    return replace(job, source=job.source.resolve(), out=job.out.resolve())
