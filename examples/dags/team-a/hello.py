"""Two tasks that hand something on: the smallest pipeline there is."""

from airflow.sdk import dag, task


@dag(dag_id="team-a.hello", schedule=None, catchup=False, tags=["example"])
def hello():
    @task
    def numbers() -> list[int]:
        return list(range(10))

    @task
    def total(given: list[int]) -> int:
        print(f"the sum is {sum(given)}")
        return sum(given)

    total(numbers())


hello()
