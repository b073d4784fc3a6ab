package await

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"plinth.local/lab/provider/internal/redact"
)

// lines of a container's log that an error shows.
const lines = 12

// most pods and events that an error speaks of; the others say the same.
const (
	mostPods   = 3
	mostEvents = 3
)

// diagnose says why the pods of a workload don't come up: waiting reasons, scheduling, events, and the end of the
// logs with every value of the namespace's Secrets removed. It is empty for objects without pods, and never fails.
func diagnose(ctx context.Context, client kubernetes.Interface, live *unstructured.Unstructured, logLines int64) string {
	selector := selectorOf(live)
	if selector == nil {
		return ""
	}
	list, err := client.CoreV1().Pods(live.GetNamespace()).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(selector),
	})
	if err != nil {
		return fmt.Sprintf("\n  its pods can't be listed: %v", err)
	}
	pods := list.Items
	sort.SliceStable(pods, func(i, j int) bool { return pods[j].CreationTimestamp.Before(&pods[i].CreationTimestamp) })
	var text strings.Builder
	shown := 0
	var hide *redact.Redactor
	for _, pod := range pods {
		problems := problemsOf(pod)
		if len(problems) == 0 || shown == mostPods {
			continue
		}
		shown++
		fmt.Fprintf(&text, "\n  pod %s: ", pod.Name)
		for index, problem := range problems {
			if index > 0 {
				text.WriteString("; ")
			}
			text.WriteString(problem.text)
		}
		for _, event := range events(ctx, client, pod.Namespace, pod.Name) {
			fmt.Fprintf(&text, "\n    event: %s", event)
		}
		for _, problem := range problems {
			if logLines == 0 || problem.container == "" {
				continue
			}
			if hide == nil {
				if hide, err = secretsOf(ctx, client, pod); err != nil {
					return text.String() + "\n  logs withheld: the namespace's Secrets can't be read, so their values couldn't be hidden"
				}
			}
			text.WriteString(hide.Apply(logs(ctx, client, pod, problem, logLines)))
		}
	}
	if len(pods) == 0 {
		for _, event := range eventsOfOwner(ctx, client, live) {
			fmt.Fprintf(&text, "\n  event: %s", event)
		}
	}
	return text.String()
}

// secretsOf knows every value of the Secrets of a pod's namespace.
func secretsOf(ctx context.Context, client kubernetes.Interface, pod corev1.Pod) (*redact.Redactor, error) {
	list, err := client.CoreV1().Secrets(pod.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var values []string
	for _, secret := range list.Items {
		for _, value := range secret.Data {
			values = append(values, string(value))
		}
	}
	public := []string{pod.Namespace, pod.Name}
	for _, container := range pod.Spec.Containers {
		public = append(public, container.Name, container.Image)
	}
	return redact.New(values, public...), nil
}

func selectorOf(live *unstructured.Unstructured) *metav1.LabelSelector {
	if live.GetKind() == "Pod" {
		return &metav1.LabelSelector{MatchLabels: live.GetLabels()}
	}
	labels, found, err := unstructured.NestedStringMap(live.Object, "spec", "selector", "matchLabels")
	if !found || err != nil || !strings.Contains(live.GetAPIVersion(), "/") {
		return nil
	}
	return &metav1.LabelSelector{MatchLabels: labels}
}

type problem struct {
	text string
	// container whose log may say more; previous when it is the log of its last run.
	container string
	previous  bool
}

func problemsOf(pod corev1.Pod) []problem {
	var problems []problem
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			problems = append(problems, problem{text: condition.Reason + ": " + condition.Message})
		}
	}
	if pod.Status.Message != "" {
		problems = append(problems, problem{text: pod.Status.Reason + ": " + pod.Status.Message})
	}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waiting, last, ended := status.State.Waiting, status.LastTerminationState.Terminated, status.State.Terminated
		starting := waiting != nil && (waiting.Reason == "PodInitializing" || waiting.Reason == "ContainerCreating")
		switch {
		case ended != nil && ended.ExitCode != 0:
			problems = append(problems, problem{text: exit(status.Name, ended), container: status.Name})
		case waiting != nil && last != nil:
			problems = append(problems, problem{
				text:      fmt.Sprintf("%s (%s), before that %s", status.Name, reason(waiting), exit("it", last)),
				container: status.Name, previous: true,
			})
		case starting && len(problems) > 0:
			// Another container's problem is why this one hasn't started.
		case waiting != nil:
			problems = append(problems, problem{text: fmt.Sprintf("%s (%s)", status.Name, reason(waiting))})
		case status.State.Running != nil && !status.Ready && (status.Started == nil || !*status.Started || last != nil):
			text := fmt.Sprintf("%s runs, but isn't ready (%d restarts)", status.Name, status.RestartCount)
			problems = append(problems, problem{text: text, container: status.Name})
		case status.State.Running != nil && !status.Ready:
			problems = append(problems, problem{text: status.Name + " runs, but its readiness probe fails", container: status.Name})
		}
	}
	return problems
}

func reason(waiting *corev1.ContainerStateWaiting) string {
	if waiting.Message == "" {
		return waiting.Reason
	}
	return waiting.Reason + ": " + waiting.Message
}

func exit(name string, ended *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("%s ended with %d", name, ended.ExitCode)
	if ended.Reason != "" && ended.Reason != "Error" {
		text += " (" + ended.Reason + ")"
	}
	return text
}

func logs(ctx context.Context, client kubernetes.Interface, pod corev1.Pod, from problem, count int64) string {
	stream, err := client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: from.container, Previous: from.previous, TailLines: &count,
	}).Stream(ctx)
	if err != nil {
		return ""
	}
	defer func() { _ = stream.Close() }()
	content, err := io.ReadAll(io.LimitReader(stream, 16<<10))
	if err != nil || strings.TrimSpace(string(content)) == "" {
		return ""
	}
	indented := strings.ReplaceAll(strings.TrimRight(string(content), "\n"), "\n", "\n      ")
	return fmt.Sprintf("\n    log of %s:\n      %s", from.container, indented)
}
